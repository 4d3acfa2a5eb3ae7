// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class DatabaseTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          jdbc:postgresql://localhost:5432/shop?user=u&password=p | postgresql | shop
          jdbc:postgresql:shop | postgresql | shop
          jdbc:postgresql://h1:1,h2:2/shop | postgresql | shop
          jdbc:postgresql://localhost/ | postgresql |
          jdbc:tc:postgresql:16://x/shop | postgresql | shop
          jdbc:p6spy:mysql://h/shop | mysql | shop
          jdbc:mysql://u:p@h:3306/shop?password=x | mysql | shop
          jdbc:mysql:loadbalance://h1,h2/shop | mysql | shop
          jdbc:mariadb://h/shop | mariadb | shop
          jdbc:h2:mem:shop;DB_CLOSE_DELAY=-1;PASSWORD=p | h2database | shop
          jdbc:h2:file:/home/u/shop;USER=u | h2database | shop
          jdbc:h2:~/shop | h2database | shop
          jdbc:h2:tcp://h/~/shop | h2database | shop
          jdbc:h2:mem: | h2database |
          jdbc:oracle:thin:u/p@//h:1521/shop | oracle.db | shop
          jdbc:oracle:thin:@h:1521:shop | oracle.db | shop
          jdbc:oracle:thin:@(DESCRIPTION=(CONNECT_DATA=(SERVICE_NAME=shop))) | oracle.db | shop
          jdbc:oracle:thin:@(DESCRIPTION=(PASSWORD=p)) | oracle.db |
          jdbc:sqlserver://h\\i:1433;user=u;password=p;databaseName=shop | microsoft.sql_server | shop
          jdbc:jtds:sqlserver://h:1433/shop;user=u | microsoft.sql_server | shop
          jdbc:sqlite:/data/shop.db?x=y | sqlite | shop.db
          jdbc:sqlite::memory: | sqlite |
          jdbc:db2://h:50000/shop:user=u;password=p; | ibm.db2 | shop
          jdbc:derby://h:1/shop;user=u;password=p | derby | shop
          jdbc:hsqldb:mem:shop | hsqldb | shop
          jdbc:clickhouse://h/shop | clickhouse | shop
          jdbc:unheard-of:u/p@h/shop | other_sql |
          nonsense | other_sql |
          '' | other_sql |
          """)
  void of_readsVendorAndNameWithoutParameters(String url, String vendor, String name) {
    Database database = Database.of(url);

    assertThat(database.vendor()).isEqualTo(vendor);
    assertThat(database.name()).isEqualTo(name);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "jdbc:postgresql://u:s3cret@h",
        "jdbc:postgresql:u=s3cret",
        "jdbc:oracle:thin:u/s3cret@",
        "jdbc:mysql://address=(host=h)(password=s3cret)",
        "jdbc:h2:mem:;PASSWORD=s3cret",
        "jdbc:db2:x:password=s3cret;",
        "jdbc:sqlserver://h;password=s3cret",
        "jdbc:s3cret",
        "jdbc:mysql://h/a?b=s3cret/s3cret",
        "jdbc:oracle:thin:u/s3cret",
        "s3cret"
      })
  void of_showsNoCredentials(String url) {
    Database database = Database.of(url);

    assertThat(database.vendor() + database.name()).doesNotContain("s3cret");
  }
}
