// SPDX-License-Identifier: Apache-2.0
package dev.sonde.trace;

import dev.sonde.trace.TraceContext.Scope;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Runs every dependent function of a stage in one span.
 *
 * <p>Long because {@link CompletionStage} is: each method wraps its function and the stage that
 * comes of it.
 */
final class TracedStage<T extends @Nullable Object> implements CompletionStage<T> {
  private final CompletionStage<T> stage;
  private final Scope captured;

  TracedStage(CompletionStage<T> stage, Scope captured) {
    this.stage = stage;
    this.captured = captured;
  }

  @Override
  public <U extends @Nullable Object> CompletionStage<U> thenApply(
      Function<? super T, ? extends U> fn) {
    return traced(stage.thenApply(within(fn)));
  }

  @Override
  public <U extends @Nullable Object> CompletionStage<U> thenApplyAsync(
      Function<? super T, ? extends U> fn) {
    return traced(stage.thenApplyAsync(within(fn)));
  }

  @Override
  public <U extends @Nullable Object> CompletionStage<U> thenApplyAsync(
      Function<? super T, ? extends U> fn, Executor executor) {
    return traced(stage.thenApplyAsync(within(fn), executor));
  }

  @Override
  public CompletionStage<Void> thenAccept(Consumer<? super T> action) {
    return traced(stage.thenAccept(consuming(action)));
  }

  @Override
  public CompletionStage<Void> thenAcceptAsync(Consumer<? super T> action) {
    return traced(stage.thenAcceptAsync(consuming(action)));
  }

  @Override
  public CompletionStage<Void> thenAcceptAsync(Consumer<? super T> action, Executor executor) {
    return traced(stage.thenAcceptAsync(consuming(action), executor));
  }

  @Override
  public CompletionStage<Void> thenRun(Runnable action) {
    return traced(stage.thenRun(within(action)));
  }

  @Override
  public CompletionStage<Void> thenRunAsync(Runnable action) {
    return traced(stage.thenRunAsync(within(action)));
  }

  @Override
  public CompletionStage<Void> thenRunAsync(Runnable action, Executor executor) {
    return traced(stage.thenRunAsync(within(action), executor));
  }

  @Override
  public <U extends @Nullable Object, V extends @Nullable Object> CompletionStage<V> thenCombine(
      CompletionStage<? extends U> other, BiFunction<? super T, ? super U, ? extends V> fn) {
    return traced(stage.thenCombine(other, within(fn)));
  }

  @Override
  public <U extends @Nullable Object, V extends @Nullable Object>
      CompletionStage<V> thenCombineAsync(
          CompletionStage<? extends U> other, BiFunction<? super T, ? super U, ? extends V> fn) {
    return traced(stage.thenCombineAsync(other, within(fn)));
  }

  @Override
  public <U extends @Nullable Object, V extends @Nullable Object>
      CompletionStage<V> thenCombineAsync(
          CompletionStage<? extends U> other,
          BiFunction<? super T, ? super U, ? extends V> fn,
          Executor executor) {
    return traced(stage.thenCombineAsync(other, within(fn), executor));
  }

  @Override
  public <U extends @Nullable Object> CompletionStage<Void> thenAcceptBoth(
      CompletionStage<? extends U> other, BiConsumer<? super T, ? super U> action) {
    return traced(stage.thenAcceptBoth(other, consuming(action)));
  }

  @Override
  public <U extends @Nullable Object> CompletionStage<Void> thenAcceptBothAsync(
      CompletionStage<? extends U> other, BiConsumer<? super T, ? super U> action) {
    return traced(stage.thenAcceptBothAsync(other, consuming(action)));
  }

  @Override
  public <U extends @Nullable Object> CompletionStage<Void> thenAcceptBothAsync(
      CompletionStage<? extends U> other,
      BiConsumer<? super T, ? super U> action,
      Executor executor) {
    return traced(stage.thenAcceptBothAsync(other, consuming(action), executor));
  }

  @Override
  public CompletionStage<Void> runAfterBoth(CompletionStage<?> other, Runnable action) {
    return traced(stage.runAfterBoth(other, within(action)));
  }

  @Override
  public CompletionStage<Void> runAfterBothAsync(CompletionStage<?> other, Runnable action) {
    return traced(stage.runAfterBothAsync(other, within(action)));
  }

  @Override
  public CompletionStage<Void> runAfterBothAsync(
      CompletionStage<?> other, Runnable action, Executor executor) {
    return traced(stage.runAfterBothAsync(other, within(action), executor));
  }

  @Override
  public <U extends @Nullable Object> CompletionStage<U> applyToEither(
      CompletionStage<? extends T> other, Function<? super T, U> fn) {
    return traced(stage.applyToEither(other, within(fn)));
  }

  @Override
  public <U extends @Nullable Object> CompletionStage<U> applyToEitherAsync(
      CompletionStage<? extends T> other, Function<? super T, U> fn) {
    return traced(stage.applyToEitherAsync(other, within(fn)));
  }

  @Override
  public <U extends @Nullable Object> CompletionStage<U> applyToEitherAsync(
      CompletionStage<? extends T> other, Function<? super T, U> fn, Executor executor) {
    return traced(stage.applyToEitherAsync(other, within(fn), executor));
  }

  @Override
  public CompletionStage<Void> acceptEither(
      CompletionStage<? extends T> other, Consumer<? super T> action) {
    return traced(stage.acceptEither(other, consuming(action)));
  }

  @Override
  public CompletionStage<Void> acceptEitherAsync(
      CompletionStage<? extends T> other, Consumer<? super T> action) {
    return traced(stage.acceptEitherAsync(other, consuming(action)));
  }

  @Override
  public CompletionStage<Void> acceptEitherAsync(
      CompletionStage<? extends T> other, Consumer<? super T> action, Executor executor) {
    return traced(stage.acceptEitherAsync(other, consuming(action), executor));
  }

  @Override
  public CompletionStage<Void> runAfterEither(CompletionStage<?> other, Runnable action) {
    return traced(stage.runAfterEither(other, within(action)));
  }

  @Override
  public CompletionStage<Void> runAfterEitherAsync(CompletionStage<?> other, Runnable action) {
    return traced(stage.runAfterEitherAsync(other, within(action)));
  }

  @Override
  public CompletionStage<Void> runAfterEitherAsync(
      CompletionStage<?> other, Runnable action, Executor executor) {
    return traced(stage.runAfterEitherAsync(other, within(action), executor));
  }

  @Override
  public <U extends @Nullable Object> CompletionStage<U> thenCompose(
      Function<? super T, ? extends CompletionStage<U>> fn) {
    return traced(stage.thenCompose(within(fn)));
  }

  @Override
  public <U extends @Nullable Object> CompletionStage<U> thenComposeAsync(
      Function<? super T, ? extends CompletionStage<U>> fn) {
    return traced(stage.thenComposeAsync(within(fn)));
  }

  @Override
  public <U extends @Nullable Object> CompletionStage<U> thenComposeAsync(
      Function<? super T, ? extends CompletionStage<U>> fn, Executor executor) {
    return traced(stage.thenComposeAsync(within(fn), executor));
  }

  @Override
  public <U extends @Nullable Object> CompletionStage<U> handle(
      BiFunction<? super T, Throwable, ? extends U> fn) {
    return traced(stage.handle(within(fn)));
  }

  @Override
  public <U extends @Nullable Object> CompletionStage<U> handleAsync(
      BiFunction<? super T, Throwable, ? extends U> fn) {
    return traced(stage.handleAsync(within(fn)));
  }

  @Override
  public <U extends @Nullable Object> CompletionStage<U> handleAsync(
      BiFunction<? super T, Throwable, ? extends U> fn, Executor executor) {
    return traced(stage.handleAsync(within(fn), executor));
  }

  @Override
  public CompletionStage<T> whenComplete(BiConsumer<? super T, ? super Throwable> action) {
    return traced(stage.whenComplete(consuming(action)));
  }

  @Override
  public CompletionStage<T> whenCompleteAsync(BiConsumer<? super T, ? super Throwable> action) {
    return traced(stage.whenCompleteAsync(consuming(action)));
  }

  @Override
  public CompletionStage<T> whenCompleteAsync(
      BiConsumer<? super T, ? super Throwable> action, Executor executor) {
    return traced(stage.whenCompleteAsync(consuming(action), executor));
  }

  @Override
  public CompletionStage<T> exceptionally(Function<Throwable, ? extends T> fn) {
    return traced(stage.exceptionally(within(fn)));
  }

  /** The future of the stage itself, which knows nothing of the span. */
  @Override
  public CompletableFuture<T> toCompletableFuture() {
    return stage.toCompletableFuture();
  }

  private <U extends @Nullable Object> CompletionStage<U> traced(CompletionStage<U> next) {
    return new TracedStage<>(next, captured);
  }

  private Runnable within(Runnable action) {
    return () -> {
      try (Scope ignored = captured.again()) {
        action.run();
      }
    };
  }

  private <A extends @Nullable Object> Consumer<A> consuming(Consumer<A> action) {
    return a -> {
      try (Scope ignored = captured.again()) {
        action.accept(a);
      }
    };
  }

  private <A extends @Nullable Object, B extends @Nullable Object> BiConsumer<A, B> consuming(
      BiConsumer<A, B> action) {
    return (a, b) -> {
      try (Scope ignored = captured.again()) {
        action.accept(a, b);
      }
    };
  }

  private <A extends @Nullable Object, R extends @Nullable Object> Function<A, R> within(
      Function<A, R> fn) {
    return a -> {
      try (Scope ignored = captured.again()) {
        return fn.apply(a);
      }
    };
  }

  private <A extends @Nullable Object, B extends @Nullable Object, R extends @Nullable Object>
      BiFunction<A, B, R> within(BiFunction<A, B, R> fn) {
    return (a, b) -> {
      try (Scope ignored = captured.again()) {
        return fn.apply(a, b);
      }
    };
  }
}
