// SPDX-License-Identifier: Apache-2.0
@NullMarked
package dev.sonde.spring;

import org.jspecify.annotations.NullMarked;
