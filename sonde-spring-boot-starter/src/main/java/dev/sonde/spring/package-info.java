// SPDX-License-Identifier: Apache-2.0
/**
 * Spring Boot 3.5 and 4: the beans and the settings of an application come in, and a running {@link
 * dev.sonde.Sonde} with its dashboard comes out.
 */
@NullMarked
package dev.sonde.spring;

import org.jspecify.annotations.NullMarked;
