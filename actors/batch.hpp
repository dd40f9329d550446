#pragma once

// Orders that are carried out together, by many actors, and answered at once.
//
// A batch is made with what is to be done when all of it is done. Each order has a slot, which
// travels in a message to the shard of its key and from there to the key. Whoever answers puts that
// into the slot; whoever does not, because the actor ended or dropped the message, leaves it empty.
// When the last slot is gone the batch is done. So there is no promise and no answer by message for
// each order: CAF searches all answers that an actor waits for with each that comes.
//
// The actor that lets go of the last slot tells, so that must not wait.

#include "crdt/command.hpp"
#include "crdt/view.hpp"
#include "replication/session.hpp"

#include <caf/error.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

namespace starling::actors {

template <class Order, class Outcome>
class batch {
public:
  using order_type = Order;

  /// Nothing as long as nobody has answered.
  using outcome = std::variant<std::monostate, Outcome, caf::error>;

  /// One order of a batch. Copies are for the same; one of them may be answered, once.
  class slot {
  public:
    slot() = default;
    slot(std::shared_ptr<batch> of, std::size_t place) : of_(std::move(of)), place_(place) {}

    /// Whoever carries it out may take from it what it needs, but for the key.
    Order& order() const { return of_->orders_[place_]; }

    void answer(Outcome x) { tell(std::move(x)); }
    void fail(caf::error why) { tell(std::move(why)); }

  private:
    template <class T>
    void tell(T x) {
      const auto of = std::exchange(of_, nullptr);
      of->outcomes_[place_] = std::move(x);
    }

    std::shared_ptr<batch> of_;
    std::size_t place_ = 0;
  };

  using done = std::function<void(batch&)>;

  batch(std::vector<Order> orders, done tell)
      : orders_(std::move(orders)), outcomes_(orders_.size()), tell_(std::move(tell)) {}

  batch(const batch&) = delete;
  batch& operator=(const batch&) = delete;

  ~batch() { tell_(*this); }

  std::size_t size() const { return orders_.size(); }
  const Order& order(std::size_t place) const { return orders_[place]; }
  const std::vector<Order>& orders() const { return orders_; }
  std::vector<outcome>& outcomes() { return outcomes_; }

private:
  std::vector<Order> orders_;
  std::vector<outcome> outcomes_;
  done tell_;
};

/// A client's command for a key.
struct write_order {
  crdt::key key;
  crdt::command what;
};
using write_batch = batch<write_order, crdt::view>;

/// What a peer sent of a key. Answered with how many elements of it were new.
struct join_order {
  crdt::key key;
  crdt::value part;
  replication::session_id from;
  std::size_t elements = 0; // in it
};
using join_batch = batch<join_order, std::size_t>;

/// A key that has news, which is to tell them to the gossip.
struct news_order {
  crdt::key key;
};
using news_batch = batch<news_order, bool>; // nobody answers: it is enough to let go

} // namespace starling::actors
