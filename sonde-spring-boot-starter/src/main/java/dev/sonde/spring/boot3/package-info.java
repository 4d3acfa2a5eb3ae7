// SPDX-License-Identifier: Apache-2.0
/** The web servers of Spring Boot 3.5, by the names that they have there. */
@NullMarked
package dev.sonde.spring.boot3;

import org.jspecify.annotations.NullMarked;
