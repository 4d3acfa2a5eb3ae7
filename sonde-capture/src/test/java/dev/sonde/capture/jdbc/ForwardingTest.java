// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.io.InputStream;
import java.io.PrintWriter;
import java.io.Reader;
import java.io.Writer;
import java.lang.reflect.Array;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Proxy;
import java.math.BigDecimal;
import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.Date;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLClientInfoException;
import java.sql.SQLException;
import java.sql.SQLFeatureNotSupportedException;
import java.sql.Statement;
import java.sql.Time;
import java.sql.Timestamp;
import java.sql.Wrapper;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.GregorianCalendar;
import java.util.List;
import java.util.Objects;
import java.util.Properties;
import java.util.Set;
import java.util.function.Function;
import java.util.logging.Logger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Walks every method of the interfaces, so that none can be forgotten. */
final class ForwardingTest {
  /** Answered by the wrapper itself; ObservedDatabaseContract tests them. */
  private static final Set<String> OWN =
      Set.of("unwrap", "isWrapperFor", "Statement.getConnection", "ResultSet.getStatement");

  private final List<Call> calls = new ArrayList<>();
  private final RecordingEmitter emitter = new RecordingEmitter();

  @ParameterizedTest(name = "{0}")
  @MethodSource("methods")
  void call_reachesTheDriverOnceWithItsArgumentsAndResult(Method method) throws Exception {
    Object driver = driver(method.getDeclaringClass(), null);
    Object wrapper = wrapper(method.getDeclaringClass(), driver);
    @Nullable Object[] arguments = arguments(method);
    calls.clear();

    Object result = method.invoke(wrapper, arguments);

    List<Call> reached = calls.stream().filter(call -> call.method.equals(method)).toList();
    assertThat(reached).hasSize(1);
    List<?> passed = reached.get(0).arguments;
    assertThat(passed).hasSize(arguments.length);
    for (int i = 0; i < arguments.length; i++) {
      assertThat(same(arguments[i], passed.get(i))).isTrue();
    }
    assertThat(isFrom(reached.get(0).result, result)).isTrue();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("methods")
  void call_throwsWhatTheDriverThrows(Method method) throws Exception {
    boolean isClientInfo =
        List.of(method.getExceptionTypes()).contains(SQLClientInfoException.class);
    Throwable failure =
        method.getExceptionTypes().length == 0
            ? new IllegalStateException("from the driver")
            : isClientInfo
                ? new SQLClientInfoException()
                : new SQLFeatureNotSupportedException("from the driver");
    Object driver = driver(method.getDeclaringClass(), failure);
    Object wrapper = wrapper(method.getDeclaringClass(), driver);

    Throwable thrown = catchThrowable(() -> method.invoke(wrapper, arguments(method)));

    assertThat(thrown).isInstanceOf(InvocationTargetException.class);
    assertThat(thrown.getCause()).isSameAs(failure);
  }

  static Stream<Method> methods() {
    return Stream.of(
            DataSource.class,
            Connection.class,
            Statement.class,
            PreparedStatement.class,
            CallableStatement.class,
            ResultSet.class)
        .flatMap(type -> Stream.of(type.getMethods()))
        .distinct()
        .filter(method -> !Modifier.isStatic(method.getModifiers()))
        .filter(method -> !OWN.contains(method.getName()))
        .filter(method -> !OWN.contains(simpleName(method)));
  }

  private static String simpleName(Method method) {
    return method.getDeclaringClass().getSimpleName() + "." + method.getName();
  }

  /** The wrapper that implements the interface, over a driver that records. */
  private Object wrapper(Class<?> type, Object driver) {
    Probe probe = new Probe(emitter);
    ObservedConnection connection =
        new ObservedConnection((Connection) driver(Connection.class, null), probe);
    ObservedStatement statement =
        new ObservedStatement(connection, (Statement) driver(Statement.class, null));
    if (type == ResultSet.class) {
      return new ObservedResultSet(statement, (ResultSet) driver, null);
    }
    if (type == Connection.class) {
      return new ObservedConnection((Connection) driver, probe);
    }
    if (type == Statement.class) {
      return new ObservedStatement(connection, (Statement) driver);
    }
    if (type == PreparedStatement.class) {
      return new ObservedPreparedStatement(connection, (PreparedStatement) driver, "select 1");
    }
    if (type == CallableStatement.class) {
      return new ObservedCallableStatement(connection, (CallableStatement) driver, "call p()");
    }
    return new ObservedDataSource((DataSource) driver, probe);
  }

  private Object driver(Class<?> type, @Nullable Throwable failure) {
    Class<?> declared = type.getName().startsWith("javax.sql.Common") ? DataSource.class : type;
    return Proxy.newProxyInstance(
        ForwardingTest.class.getClassLoader(),
        new Class<?>[] {declared},
        (proxy, method, arguments) -> {
          if (method.getDeclaringClass() == Object.class) {
            return method.getName().equals("equals")
                ? proxy == arguments[0]
                : method.getName().equals("hashCode") ? System.identityHashCode(proxy) : "driver";
          }
          if (failure != null) {
            throw failure;
          }
          Object result = value(method.getReturnType(), 7);
          calls.add(
              new Call(method, arguments == null ? List.of() : Arrays.asList(arguments), result));
          return result;
        });
  }

  private @Nullable Object[] arguments(Method method) {
    Class<?>[] types = method.getParameterTypes();
    return IntStream.range(0, types.length).mapToObj(i -> value(types[i], i + 1)).toArray();
  }

  /** A value of a type, another one for each seed. */
  private @Nullable Object value(Class<?> type, int seed) {
    if (type == void.class) {
      return null;
    }
    if (type.isPrimitive()) {
      return numbers(type).apply(seed);
    }
    if (type.isArray()) {
      return Array.newInstance(type.getComponentType(), seed);
    }
    return switch (type.getName()) {
      case "java.lang.String", "java.lang.Object" -> "s" + seed;
      case "java.lang.Class" -> Wrapper.class;
      case "java.math.BigDecimal" -> new BigDecimal(seed);
      case "java.sql.Date" -> new Date(seed);
      case "java.sql.Time" -> new Time(seed);
      case "java.sql.Timestamp" -> new Timestamp(seed);
      case "java.util.Calendar" -> new GregorianCalendar();
      case "java.util.Properties" -> new Properties();
      case "java.util.logging.Logger" -> Logger.getAnonymousLogger();
      case "java.io.InputStream" -> InputStream.nullInputStream();
      case "java.io.Reader" -> Reader.nullReader();
      case "java.io.PrintWriter" -> new PrintWriter(Writer.nullWriter());
      case "java.net.URL", "java.sql.SQLWarning" -> null;
      default -> driver(type, null);
    };
  }

  private static Function<Integer, Object> numbers(Class<?> type) {
    return switch (type.getName()) {
      case "boolean" -> n -> true;
      case "byte" -> Integer::byteValue;
      case "short" -> Integer::shortValue;
      case "int" -> n -> n;
      case "long" -> Integer::longValue;
      case "float" -> Integer::floatValue;
      default -> Integer::doubleValue;
    };
  }

  private static boolean same(@Nullable Object one, @Nullable Object other) {
    boolean isBoxed = one instanceof Number || one instanceof Boolean;
    return one == other || (isBoxed && Objects.equals(one, other));
  }

  /** Whether a result is the driver's, or wraps it. */
  private static boolean isFrom(@Nullable Object expected, @Nullable Object actual)
      throws SQLException {
    if (expected == null || same(expected, actual)) {
      return expected == null ? actual == null : true;
    }
    if (actual instanceof DatabaseMetaData) {
      return true; // a view of the driver's that only knows another connection
    }
    return actual instanceof Wrapper wrapper
        && wrapper.isWrapperFor(expected.getClass())
        && wrapper.unwrap(expected.getClass()) == expected;
  }

  private record Call(
      Method method, List<? extends @Nullable Object> arguments, @Nullable Object result) {}
}
