#pragma once

// The way back from an actor to what is no actor: a one-shot reply that travels in a message.
//
// A reply is given in any case, once: when nobody will give it any more, because the actor ended or
// dropped the message, the receiver is told so at once.

#include <functional>
#include <memory>
#include <utility>

namespace starling::actors {

template <class T>
class reply_to {
public:
  /// Is called by the actor that answers, or by whoever drops the last copy. Must not wait.
  using receiver = std::function<void(T)>;

  reply_to() = default;

  /// `if_dropped` is what the receiver is told when nobody answers.
  reply_to(receiver tell, T if_dropped)
      : state_(std::make_shared<state>(std::move(tell), std::move(if_dropped))) {}

  /// Answers. Of all copies of a reply one may do so, once.
  void operator()(T answer) {
    if (const auto open = std::exchange(state_, nullptr))
      std::exchange(open->tell, nullptr)(std::move(answer));
  }

private:
  struct state {
    state(receiver r, T otherwise) : tell(std::move(r)), if_dropped(std::move(otherwise)) {}
    state(const state&) = delete;
    state& operator=(const state&) = delete;
    ~state() {
      if (tell)
        tell(std::move(if_dropped));
    }

    receiver tell;
    T if_dropped;
  };

  std::shared_ptr<state> state_;
};

} // namespace starling::actors
