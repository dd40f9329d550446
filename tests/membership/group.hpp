#pragma once

// A few cores on a network without chance: what is sent arrives one millisecond later, unless a
// test says otherwise. Virtual time; nothing is random but what the cores draw from their seeds.
// Ticks come when the cores ask for them, or at a fixed rate.

#include "membership/swim.hpp"
#include "wire/call_guard.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace starling::membership {

using namespace std::chrono_literals;

class group {
public:
  struct node {
    std::unique_ptr<swim> core;
    std::optional<wire::call_guard> guard;
    udp_address where;
    std::string address;
    std::vector<event> events; // all that it told
    std::size_t packets = 0;   // sent
    duration last_tick{0};
    bool is_up = true;      // or crashed
    bool is_asleep = false; // a stopped process: nothing happens, what arrives waits
    std::vector<std::pair<udp_address, std::string>> waiting;
  };

  explicit group(settings s = {}) : with(s) {}

  settings with;
  wire::secret secret{"test", "a key of sixteen bytes"};
  std::vector<std::string> seeds{address_of(0)};

  duration latency = 1ms;
  duration tick_every{0}; // zero: when the core asks for it
  std::uint64_t seed = 42;

  /// Whether a packet or call from one node to another is lost.
  std::function<bool(std::size_t from, std::size_t to)> lost = [](auto, auto) { return false; };

  /// Whether a packet is lost where calls go through.
  std::function<bool(std::size_t from, std::size_t to)> packet_lost = [](auto, auto) {
    return false;
  };

  /// Whether a call is lost where packets go through.
  std::function<bool(std::size_t from, std::size_t to)> call_lost = [](auto, auto) {
    return false;
  };

  static udp_address udp_of(std::size_t i) {
    return udp_address::v4(10, 0, static_cast<std::uint8_t>(i / 250),
                           static_cast<std::uint8_t>(1 + i % 250), 9080);
  }
  static std::string address_of(std::size_t i) { return "n" + std::to_string(i) + ":9080"; }
  static node_id id_of(std::size_t i) { return node_id::from(0, i + 1); }

  identity identity_of(std::size_t i) const {
    const auto wall = 1'700'000'000'000 + static_cast<std::uint64_t>(now / 1ms);
    return {id_of(i),
            wall,
            wall,
            session_id{1000 + i + 7919 * ++sessions},
            address_of(i),
            "n" + std::to_string(i),
            ""};
  }

  /// Starts a process at the next place; `core` of a place that is taken is replaced.
  std::size_t add() {
    nodes.emplace_back();
    boot(nodes.size() - 1);
    return nodes.size() - 1;
  }

  void add(std::size_t count) {
    while (count-- > 0)
      add();
  }

  void boot(std::size_t i) { boot(i, identity_of(i)); }

  void boot(std::size_t i, const identity& who) {
    auto& n = nodes[i];
    n.core = std::make_unique<swim>(with, who, secret, seeds, seed + i + 1000 * sessions, now);
    n.guard.emplace(who.session, 2 * with.max_members, who.abilities.speaks);
    n.where = udp_of(i);
    n.address = address_of(i);
    n.is_up = true;
    n.is_asleep = false;
    n.last_tick = now;
    n.core->start(now, n.where);
    perform(i);
  }

  void crash(std::size_t i) { nodes[i].is_up = false; }
  void pause(std::size_t i) { nodes[i].is_asleep = true; }
  void resume(std::size_t i) {
    auto& n = nodes[i];
    n.is_asleep = false;
    n.last_tick = std::max(n.last_tick, now - tick_every);
    for (const auto& [from, bytes] : n.waiting) {
      n.core->receive(now, from, bytes);
      perform(i);
    }
    n.waiting.clear();
  }

  /// Lets time pass.
  void run(duration how_long) {
    const auto end = now + how_long;
    while (true) {
      auto next = events_.empty() ? end + 1us : events_.begin()->first;
      std::size_t who = nodes.size();
      for (std::size_t i = 0; i < nodes.size(); ++i) {
        if (!is_running(i))
          continue;
        const auto tick = next_tick_of(i, end);
        if (tick < next) {
          next = tick;
          who = i;
        }
      }
      if (next > end)
        break;
      now = next;
      if (who < nodes.size()) {
        nodes[who].last_tick = now;
        nodes[who].core->tick(now);
        perform(who);
      } else {
        const auto happens = std::move(events_.begin()->second);
        events_.erase(events_.begin());
        happens();
      }
    }
    now = end;
  }

  /// Runs until it holds; says whether it did in time.
  bool run_until(const std::function<bool()>& holds, duration most) {
    for (const auto end = now + most; now < end; run(10ms))
      if (holds())
        return true;
    return holds();
  }

  /// What node `i` holds of node `j`; nothing if it does not know it.
  std::optional<member_state> state(std::size_t i, std::size_t j) const {
    const auto* e = nodes[i].core->table().find(id_of(j));
    return e == nullptr ? std::nullopt : std::optional{e->record.status.is};
  }

  /// Whether all running nodes see just each other alive.
  bool is_whole() const {
    std::size_t running = 0;
    for (std::size_t i = 0; i < nodes.size(); ++i)
      running += is_running(i) ? 1 : 0;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (!is_running(i))
        continue;
      if (nodes[i].core->live_members() != running)
        return false;
      for (const auto& peer : nodes[i].core->peers())
        if (peer.record->status.is == member_state::suspect)
          return false;
    }
    return true;
  }

  /// Whether all running nodes see so many alive.
  bool is_whole_by_count(std::size_t live) const {
    return std::ranges::all_of(
        nodes, [live](const node& n) { return !n.is_up || n.core->live_members() == live; });
  }

  std::size_t count(std::size_t i, event_kind kind) const {
    return static_cast<std::size_t>(
        std::ranges::count(nodes[i].events, kind, [](const event& e) { return e.kind; }));
  }

  /// Sends a packet as if it came from anywhere.
  void inject(std::size_t to, const udp_address& from, std::string bytes) {
    events_.emplace(now + latency,
                    [this, to, from, bytes = std::move(bytes)] { arrive(to, from, bytes); });
  }

  /// Where the name of a seed leads.
  std::function<std::vector<std::string>(const std::string&)> where_leads = [](const auto& name) {
    return std::vector{name};
  };

  /// Sees each packet that is sent.
  std::function<void(std::size_t from, const packet&)> spy;

  void perform(std::size_t i) {
    auto& n = nodes[i];
    // The outputs are valid until the next input only, and calls to others are inputs to them.
    for (std::size_t k = 0; k < n.core->out().packets(); ++k) {
      const auto p = n.core->out().packet_at(k);
      ++n.packets;
      if (spy)
        spy(i, p);
      const auto to = place_of([&](const node& other) { return other.where == p.to; });
      if (to == nodes.size() || lost(i, to) || packet_lost(i, to))
        continue;
      events_.emplace(now + latency, [this, to, from = n.where, bytes = std::string{p.bytes}] {
        arrive(to, from, bytes);
      });
    }
    for (const auto& e : n.core->out().events)
      n.events.push_back(e);
    for (const auto& c : n.core->out().calls)
      events_.emplace(now + latency, [this, i, c] { carry(i, c); });
    for (const auto& name : n.core->out().lookups)
      events_.emplace(now, [this, i, name] {
        if (!nodes[i].is_up)
          return;
        nodes[i].core->found(now, name, where_leads(name));
        perform(i);
      });
  }

  std::vector<node> nodes;
  duration now{0};

private:
  duration next_tick_of(std::size_t i, duration end) const {
    if (tick_every > 0us)
      return nodes[i].last_tick + tick_every;
    return std::max(now, nodes[i].core->next_tick().value_or(end + 1us));
  }

  bool is_running(std::size_t i) const { return nodes[i].is_up && !nodes[i].is_asleep; }

  template <class Predicate>
  std::size_t place_of(Predicate is_it) const {
    for (std::size_t i = 0; i < nodes.size(); ++i)
      if (nodes[i].is_up && is_it(nodes[i]))
        return i;
    return nodes.size();
  }

  void arrive(std::size_t to, const udp_address& from, const std::string& bytes) {
    auto& n = nodes[to];
    if (!n.is_up)
      return;
    if (n.is_asleep) {
      n.waiting.emplace_back(from, bytes);
      return;
    }
    n.core->receive(now, from, bytes);
    perform(to);
  }

  void carry(std::size_t from, const call& c) {
    const auto to = place_of([&](const node& other) { return other.address == c.address; });
    std::optional<std::string> content;
    if (to < nodes.size() && is_running(to) && !lost(from, to) && !call_lost(from, to)) {
      const auto admission = nodes[to].guard->admit(c.content);
      if (const auto* other = std::get_if<wire::call_guard::challenged>(&admission)) {
        content = other->answer;
      } else if (const auto* admitted = std::get_if<wire::call_guard::admitted>(&admission)) {
        auto answer = nodes[to].core->answer(now, c.kind, admitted->content);
        if (auto* bytes = std::get_if<std::string>(&answer))
          content = std::move(*bytes);
        perform(to);
      }
    }
    if (!nodes[from].is_up)
      return;
    events_.emplace(now + latency, [this, from, token = c.token, content] {
      if (!nodes[from].is_up)
        return;
      if (content)
        static_cast<void>(nodes[from].core->call_answered(now, token, *content));
      else
        nodes[from].core->call_failed(now, token);
      perform(from);
    });
  }

  std::multimap<duration, std::function<void()>> events_;
  mutable std::uint64_t sessions = 0;
};

} // namespace starling::membership
