// SPDX-License-Identifier: Apache-2.0
/** The web servers of Spring Boot 4, by the names that they have there. */
@NullMarked
package dev.sonde.spring.boot4;

import org.jspecify.annotations.NullMarked;
