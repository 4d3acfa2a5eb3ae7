// SPDX-License-Identifier: Apache-2.0
package dev.sonde.cli.demo.shop;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/** The shop's tables, and the questions that it asks them. */
public final class ShopDatabase {
  /** Products that it has, numbered from 1. */
  public static final int PRODUCTS = 200;

  /** Reviews of each product; the page that shows them asks for their authors one by one. */
  static final int REVIEWS = 48;

  private static final int CUSTOMERS = 500;

  private final DataSource database;

  ShopDatabase(DataSource database) {
    this.database = database;
  }

  record Product(int id, String name, int cents) {}

  /** Makes the tables and fills them, the same way each time. */
  void fill() throws SQLException {
    try (Connection connection = database.getConnection()) {
      try (Statement statement = connection.createStatement()) {
        statement.execute("CREATE TABLE customer (id INT PRIMARY KEY, name VARCHAR(80))");
        statement.execute(
            "CREATE TABLE product (id INT PRIMARY KEY, name VARCHAR(80), cents INT, stock INT)");
        statement.execute(
            "CREATE TABLE review (id INT PRIMARY KEY, product_id INT, customer_id INT, stars INT)");
        statement.execute("CREATE INDEX review_product ON review (product_id)");
        statement.execute(
            "CREATE TABLE orders (id INT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
                + " product_id INT, quantity INT)");
      }
      connection.setAutoCommit(false);
      Random random = new Random(7);
      try (PreparedStatement insert =
          connection.prepareStatement("INSERT INTO customer VALUES (?, ?)")) {
        for (int id = 1; id <= CUSTOMERS; id++) {
          insert.setInt(1, id);
          insert.setString(2, "Customer " + id);
          insert.addBatch();
        }
        insert.executeBatch();
      }
      try (PreparedStatement insert =
          connection.prepareStatement("INSERT INTO product VALUES (?, ?, ?, 1000000)")) {
        for (int id = 1; id <= PRODUCTS; id++) {
          insert.setInt(1, id);
          insert.setString(2, "Product " + id);
          insert.setInt(3, 100 + random.nextInt(10_000));
          insert.addBatch();
        }
        insert.executeBatch();
      }
      try (PreparedStatement insert =
          connection.prepareStatement("INSERT INTO review VALUES (?, ?, ?, ?)")) {
        for (int id = 0; id < PRODUCTS * REVIEWS; id++) {
          insert.setInt(1, id + 1);
          insert.setInt(2, 1 + id / REVIEWS);
          insert.setInt(3, 1 + random.nextInt(CUSTOMERS));
          insert.setInt(4, 1 + random.nextInt(5));
          insert.addBatch();
        }
        insert.executeBatch();
      }
      connection.commit();
    }
  }

  List<Product> products(int page) throws SQLException {
    try (Connection connection = database.getConnection();
        PreparedStatement select =
            connection.prepareStatement(
                "SELECT id, name, cents FROM product ORDER BY name LIMIT 20 OFFSET ?")) {
      select.setInt(1, page * 20);
      return read(select);
    }
  }

  @Nullable Product product(int id) throws SQLException {
    try (Connection connection = database.getConnection();
        PreparedStatement select =
            connection.prepareStatement("SELECT id, name, cents FROM product WHERE id = ?")) {
      select.setInt(1, id);
      List<Product> found = read(select);
      return found.isEmpty() ? null : found.get(0);
    }
  }

  List<Product> search(String text) throws SQLException {
    try (Connection connection = database.getConnection();
        PreparedStatement select =
            connection.prepareStatement(
                "SELECT id, name, cents FROM product WHERE LOWER(name) LIKE ? LIMIT 20")) {
      select.setString(1, "%" + text + "%");
      return read(select);
    }
  }

  /** Names of the authors of a product's reviews: one statement for the list and one for each. */
  List<String> reviewers(int productId) throws SQLException {
    List<Integer> authors = new ArrayList<>();
    List<String> names = new ArrayList<>();
    try (Connection connection = database.getConnection()) {
      try (PreparedStatement select =
          connection.prepareStatement("SELECT customer_id FROM review WHERE product_id = ?")) {
        select.setInt(1, productId);
        try (ResultSet rows = select.executeQuery()) {
          while (rows.next()) {
            authors.add(rows.getInt(1));
          }
        }
      }
      for (int author : authors) {
        try (PreparedStatement select =
            connection.prepareStatement("SELECT name FROM customer WHERE id = ?")) {
          select.setInt(1, author);
          try (ResultSet rows = select.executeQuery()) {
            while (rows.next()) {
              names.add(rows.getString(1));
            }
          }
        }
      }
    }
    return names;
  }

  /** Takes one piece from the stock and writes the order down, in one transaction. */
  int order(int productId) throws SQLException {
    try (Connection connection = database.getConnection()) {
      connection.setAutoCommit(false);
      try (PreparedStatement update =
              connection.prepareStatement("UPDATE product SET stock = stock - 1 WHERE id = ?");
          PreparedStatement insert =
              connection.prepareStatement(
                  "INSERT INTO orders (product_id, quantity) VALUES (?, 1)",
                  Statement.RETURN_GENERATED_KEYS)) {
        update.setInt(1, productId);
        update.executeUpdate();
        insert.setInt(1, productId);
        insert.executeUpdate();
        try (ResultSet keys = insert.getGeneratedKeys()) {
          keys.next();
          int id = keys.getInt(1);
          connection.commit();
          return id;
        }
      } catch (SQLException e) {
        connection.rollback();
        throw e;
      }
    }
  }

  private static List<Product> read(PreparedStatement select) throws SQLException {
    List<Product> products = new ArrayList<>();
    try (ResultSet rows = select.executeQuery()) {
      while (rows.next()) {
        products.add(new Product(rows.getInt(1), rows.getString(2), rows.getInt(3)));
      }
    }
    return products;
  }
}
