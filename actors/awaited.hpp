#pragma once

// How a thread waits for actors. Threads do so in no other way.
//
// What it waits for is told to a function that any thread may call, so whoever can be told
// something can be waited for. A thread that gives up leaves nothing behind: an answer that comes
// too late is dropped.

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <utility>

namespace starling::actors {

template <class T>
class awaited {
public:
  /// What to call with the answer, once, from any thread.
  std::function<void(T)> receiver() const {
    return [promise = promise_](T answer) { promise->set_value(std::move(answer)); };
  }

  /// The answer, or nothing if there is none within that time. Not to be called after an answer.
  std::optional<T> wait_for(std::chrono::nanoseconds most) {
    if (future_.wait_for(most) != std::future_status::ready)
      return std::nullopt;
    return future_.get();
  }

  /// The same, however long it takes.
  T wait() { return future_.get(); }

private:
  std::shared_ptr<std::promise<T>> promise_ = std::make_shared<std::promise<T>>();
  std::future<T> future_ = promise_->get_future();
};

} // namespace starling::actors
