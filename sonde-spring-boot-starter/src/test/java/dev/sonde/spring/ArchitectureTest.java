// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

final class ArchitectureTest {
  private static final String BOOT_3 = "dev.sonde.spring.boot3";
  private static final String BOOT_4 = "dev.sonde.spring.boot4";

  private final JavaClasses classes =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("dev.sonde.spring");

  @Test
  void namesOfOneLine_areUsedInItsOwnPackageAlone() {
    noClasses()
        .that()
        .resideOutsideOfPackage(BOOT_3)
        .should()
        .dependOnClassesThat()
        .resideInAPackage("org.springframework.boot.web.embedded..")
        .check(classes);
    noClasses()
        .that()
        .resideOutsideOfPackage(BOOT_4)
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            "org.springframework.boot.jetty..",
            "org.springframework.boot.tomcat..",
            "org.springframework.boot.reactor..")
        .check(classes);
  }

  @Test
  void lines_doNotKnowEachOther() {
    noClasses()
        .that()
        .resideInAPackage(BOOT_3)
        .should()
        .dependOnClassesThat()
        .resideInAPackage(BOOT_4)
        .check(classes);
    noClasses()
        .that()
        .resideInAPackage(BOOT_4)
        .should()
        .dependOnClassesThat()
        .resideInAPackage(BOOT_3)
        .check(classes);
  }

  @Test
  void nobody_sleepsOrReadsTheWallClockOrLogsPastTheSystemLogger() {
    noClasses().should().callMethod(Thread.class, "sleep", long.class).check(classes);
    noClasses().should().callMethod(System.class, "currentTimeMillis").check(classes);
    noClasses()
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("java.util.logging..", "org.slf4j..", "org.apache.commons.logging..")
        .check(classes);
  }
}
