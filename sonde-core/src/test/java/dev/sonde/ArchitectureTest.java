// SPDX-License-Identifier: Apache-2.0
package dev.sonde;

import static com.tngtech.archunit.core.domain.JavaCall.Predicates.target;
import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.name;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

final class ArchitectureTest {
  /** Each package may use those before it. */
  private static final List<String> ORDER =
      List.of(
          "dev.sonde.event",
          "dev.sonde.time",
          "dev.sonde.json",
          "dev.sonde.trace",
          "dev.sonde.capture",
          "dev.sonde.sampling",
          "dev.sonde.stats",
          "dev.sonde.recent",
          "dev.sonde.collect",
          "dev.sonde.digest",
          "dev.sonde.sink",
          "dev.sonde");

  private static final int MAX_TYPES = 15;

  private final JavaClasses classes =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("dev.sonde");

  @Test
  void packages_useOnlyThoseBeforeThem() {
    for (int i = 0; i < ORDER.size() - 1; i++) {
      String[] later = ORDER.subList(i + 1, ORDER.size()).toArray(String[]::new);
      noClasses()
          .that()
          .resideInAPackage(ORDER.get(i))
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(later)
          .check(classes);
    }
  }

  @Test
  void packages_areAllInTheOrder() {
    assertThat(classes).extracting(JavaClass::getPackageName).allMatch(ORDER::contains);
  }

  @Test
  void packages_holdFewTypes() {
    Map<String, Long> types =
        classes.stream()
            .filter(type -> type.isTopLevelClass() && !type.getSimpleName().equals("package-info"))
            .collect(Collectors.groupingBy(JavaClass::getPackageName, Collectors.counting()));

    assertThat(types).allSatisfy((name, count) -> assertThat(count).isLessThanOrEqualTo(MAX_TYPES));
  }

  @Test
  void nobody_sleepsOrReadsTheWallClockOrLogsPastTheSystemLogger() {
    noClasses().should().callMethod(Thread.class, "sleep", long.class).check(classes);
    noClasses().should().callMethod(Thread.class, "sleep", long.class, int.class).check(classes);
    noClasses().should().callMethod(System.class, "currentTimeMillis").check(classes);
    noClasses()
        .should()
        .dependOnClassesThat()
        .resideInAPackage("java.util.logging..")
        .check(classes);
  }

  @Test
  void nobody_opensADoorThatInputCouldGoThrough() {
    noClasses()
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            "javax.naming..",
            "java.rmi..",
            "javax.xml..",
            "org.w3c..",
            "org.xml..",
            "javax.script..")
        .check(classes);
    noClasses()
        .should()
        .dependOnClassesThat()
        .haveFullyQualifiedName("java.io.ObjectInputStream")
        .orShould()
        .dependOnClassesThat()
        .haveFullyQualifiedName("java.lang.ProcessBuilder")
        .orShould()
        .callMethodWhere(target(name("exec")))
        .check(classes);
  }

  @Test
  void hotPathText_isNotParsedByRegularExpressionsOfTheJdk() {
    noClasses()
        .that()
        .resideInAnyPackage("dev.sonde.trace", "dev.sonde.capture", "dev.sonde.digest")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("java.util.regex..")
        .check(classes);
  }
}
