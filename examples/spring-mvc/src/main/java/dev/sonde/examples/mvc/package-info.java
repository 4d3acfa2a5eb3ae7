// SPDX-License-Identifier: Apache-2.0
/** MVC, controllers and JDBC on Tomcat. */
@NullMarked
package dev.sonde.examples.mvc;

import org.jspecify.annotations.NullMarked;
