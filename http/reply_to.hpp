#pragma once

// The way back from an actor to a thread that waits: a one-shot reply that travels in a message.
//
// The thread waits on the future for as long as it likes. When nobody will answer any more (the
// actor ended, or dropped the message) the future says so at once; an answer that comes too late is
// simply dropped.

#include <future>
#include <memory>
#include <utility>

namespace starling::http {

template <class T>
class reply_to {
public:
  reply_to() = default;
  explicit reply_to(std::shared_ptr<std::promise<T>> promise) : promise_(std::move(promise)) {}

  /// Answers. Of all copies of a reply one may do so, once.
  void operator()(T answer) {
    if (const auto promise = std::exchange(promise_, nullptr))
      promise->set_value(std::move(answer));
  }

private:
  std::shared_ptr<std::promise<T>> promise_;
};

} // namespace starling::http
