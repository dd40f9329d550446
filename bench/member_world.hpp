#pragma once

// Many membership cores in virtual time, for measurements: a network with delay, loss and
// partitions, members that pause or die. Faster and less devious than the simulator in sim/:
// here nothing is checked but counted.

#include "membership/swim.hpp"
#include "wire/call_guard.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <vector>

namespace starling::bench {

using membership::duration;

class member_world {
public:
  struct node {
    std::unique_ptr<membership::swim> core;
    std::optional<wire::call_guard> guard;
    membership::udp_address where;
    bool is_up = true;
    bool io_blocked = false; // neither sends nor receives, but its timers run
    bool is_stopped = false; // nothing happens in it
    duration scheduled{-1};  // its next tick
    std::vector<std::size_t> held_in;
    std::vector<std::pair<membership::udp_address, std::string>> held_out;
    std::vector<membership::call> held_calls;
  };

  member_world(const membership::settings& s, std::uint64_t seed);

  /// Starts one that knows the first as its seed; returns its index.
  std::size_t add();

  /// Starts `count`, and makes them know each other without delay.
  void add_whole(std::size_t count);

  void run_until(duration end);
  void run(duration how_long) { run_until(now + how_long); }

  void crash(std::size_t i) { nodes[i].is_up = false; }
  void block_io(std::size_t i) { nodes[i].io_blocked = true; }
  void unblock_io(std::size_t i);
  void stop(std::size_t i) { nodes[i].is_stopped = true; }
  void go_on(std::size_t i);

  /// Whether all that are up hold equal tables in which just they are alive.
  bool is_whole() const;

  double loss = 0;                                   // of each datagram
  std::function<bool(std::size_t, std::size_t)> cut; // whether a link is
  duration flight_min{50};
  duration flight_max{250};

  /// Sees each datagram when it is sent.
  std::function<void(std::size_t from, std::size_t to, std::string_view bytes)> spy;

  /// Sees each event.
  std::function<void(std::size_t at, const membership::event&)> heard;

  std::vector<node> nodes;
  duration now{0};
  std::uint64_t datagrams = 0;

  static std::size_t index_of(const membership::udp_address& a);
  static std::size_t index_of(const membership::node_id& id);
  static membership::node_id id_of(std::size_t i);

private:
  /// What node `i` answers to a call. Says in `reached` whether that was the node's core.
  std::optional<std::string> answer(std::size_t i, const membership::call& c, bool& reached);

  enum class kind : std::uint8_t { tick, datagram, request, answer };

  struct happening {
    duration when;
    std::uint64_t number;
    kind is;
    std::size_t to;
    std::size_t item; // in flight
    bool operator>(const happening& other) const {
      return when != other.when ? when > other.when : number > other.number;
    }
  };

  struct item {
    std::size_t from = 0;
    std::string bytes;
    membership::call call;
    bool failed = false;
  };

  void perform(std::size_t i);
  void schedule(std::size_t i);
  void send(std::size_t from, const membership::udp_address& to, std::string_view bytes);
  void request(std::size_t from, membership::call c);
  void push(duration after, kind is, std::size_t to, std::size_t item);
  std::size_t new_item();
  void happen(const happening& h);
  void take(std::size_t to, std::size_t item);

  membership::settings settings_;
  wire::secret secret_{"bench", "a key for measurements"};
  membership::random_source random_;
  std::priority_queue<happening, std::vector<happening>, std::greater<>> events_;
  std::uint64_t scheduled_ = 0;
  std::vector<item> items_;
  std::vector<std::size_t> free_items_;
};

} // namespace starling::bench
