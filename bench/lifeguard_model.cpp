#include "bench/lifeguard_model.hpp"

#include "membership/random.hpp"

#include <algorithm>
#include <array>
#include <bitset>
#include <cmath>
#include <deque>
#include <functional>
#include <optional>
#include <queue>
#include <utility>

namespace starling::bench {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t members_most = 256;
using index = std::uint16_t;

// The defaults of the agents on a local network.
constexpr duration probe_interval = 1s;
constexpr duration probe_timeout = 500ms;
constexpr duration gossip_interval = 200ms;
constexpr std::size_t gossip_nodes = 3;
constexpr std::size_t indirect_checks = 3;
constexpr unsigned retransmit_multiplier = 4;
constexpr duration gossip_to_the_dead = 30s;
constexpr unsigned health_most = 8; // section IV-A: back to 9 s and 4.5 s
constexpr std::size_t packet_bytes = 1400;

// Of the machine that the paper used, where 8 agents shared a core. None is published; the first
// three, and the size of a refutation, are fitted to the paper's ratios of false positives. They
// decide how much of what waited is heard in a short moment of rest, and whether a suspicion, or
// the answer to it, gets out in it.
constexpr duration handling = 36us; // of a message received
constexpr duration sending = 20us;  // of a message, before its sender goes on
// Packets that a socket holds: what comes when it is full is lost. The agents ask for 2 MiB, of
// which Linux grants 425,984 unless told otherwise, and counts 768 to 2,304 for each packet; this
// is half of it.
constexpr std::size_t inbox_most = 92;
constexpr duration flight_min = 20us;
constexpr duration flight_max = 80us;

enum class state : std::uint8_t { alive, suspect, dead };

struct update {
  state is;
  index about;
  index from; // the accuser
  std::uint32_t incarnation;

  /// An accusation as the agents encode it, with names of 8 to 10 characters. A refutation carries
  /// the tags of its member, too: less than 200 with those of a Consul agent, the rest is fitted.
  std::size_t bytes() const { return is == state::alive ? 245 : 50; }
};

enum class kind : std::uint8_t { ping, ack, nack, ping_req, gossip, stream_ping, stream_ack };

struct message {
  kind is = kind::gossip;
  index from = 0;
  index to = 0;
  index target = 0;
  std::uint32_t number = 0;
  std::vector<update> updates{};
};

struct broadcast {
  update what;
  unsigned transmits = 0;
  std::uint64_t arrival = 0;
};

struct suspicion {
  bool runs = false;
  duration start{0};
  duration end{0};
  std::uint32_t generation = 0;
  unsigned confirmed = 0;
  std::bitset<members_most> accusers;
};

struct view {
  state is = state::alive;
  std::uint32_t incarnation = 1;
  duration changed{-1h};
  suspicion timer;
};

struct relay {
  index origin;
  std::uint32_t origin_number;
  bool acknowledged = false;
};

enum class stage : std::uint8_t { idle, direct, indirect };

struct probe {
  stage at = stage::idle;
  index target = 0;
  std::uint32_t number = 0;
  duration deadline{0};
  bool contacted = false; // over the stream
  bool acknowledged = false;
  unsigned expected_nacks = 0;
  unsigned nacks = 0;
};

/// One member, with its prober, gossiper and listener.
struct member {
  index self = 0;
  std::vector<view> views;
  std::vector<broadcast> queue;
  std::vector<index> round;
  std::size_t next_in_round = 0;
  std::uint32_t incarnation = 1;
  std::uint32_t next_number = 1;
  unsigned health = 0;
  probe probing;
  // A ticker keeps one tick for who is busy.
  bool prober_busy = false; // sending or blocked
  bool probe_due = false;
  bool gossiper_busy = false;
  bool gossip_due = false;
  std::vector<std::pair<std::uint32_t, relay>> relays;
  std::deque<message> inbox;
  bool listener_busy = false;
  std::vector<std::function<void()>> blocked; // goes on when the anomaly ends
};

class world {
public:
  world(const lifeguard_settings& s, const anomaly& a, std::uint64_t seed)
      : settings_(s), anomaly_(a), random_(seed), members_(s.members) {
    std::vector<index> order(s.members);
    for (index i = 0; i < s.members; ++i)
      order[i] = i;
    random_.shuffle(order);
    for (std::size_t i = 0; i < a.members; ++i)
      anomalous_.set(order[i]);
    first_.resize(s.members);
    for (index i = 0; i < s.members; ++i) {
      auto& m = members_[i];
      m.self = i;
      m.views.resize(s.members);
      for (index j = 0; j < s.members; ++j)
        if (j != i)
          m.round.push_back(j);
      random_.shuffle(m.round);
      every(random_.between(duration{0}, probe_interval), probe_interval,
            [this, i] { probe_tick(i); });
      every(random_.between(duration{0}, gossip_interval), gossip_interval,
            [this, i] { gossip_tick(i); });
    }
  }

  lifeguard_result run(duration length) {
    constexpr duration quiet = 15s;
    run_until(quiet);
    start_ = now_;
    counting_ = true;
    result_.messages = 0;
    if (anomaly_.rest == duration{0}) {
      blocked_ = true;
      run_until(now_ + anomaly_.block);
      release();
      run_until(std::max(now_, start_ + length));
    } else {
      while (now_ - start_ < length) {
        blocked_ = true;
        run_until(now_ + anomaly_.block);
        release();
        run_until(now_ + anomaly_.rest);
      }
    }
    for (const auto& first : first_)
      if (first)
        result_.first_detections.push_back(*first);
    return result_;
  }

private:
  // -- time --

  struct happening {
    duration when;
    std::uint64_t number;
    std::function<void()> what;
    bool operator>(const happening& other) const {
      return std::tie(when, number) > std::tie(other.when, other.number);
    }
  };

  void at(duration when, std::function<void()> what) {
    events_.push({when, ++scheduled_, std::move(what)});
  }

  void every(duration first, duration interval, std::function<void()> what) {
    at(now_ + first, [this, interval, what] {
      what();
      every(interval, interval, what);
    });
  }

  void run_until(duration end) {
    while (!events_.empty() && events_.top().when <= end) {
      auto next = std::move(const_cast<happening&>(events_.top()));
      events_.pop();
      now_ = next.when;
      next.what();
    }
    now_ = end;
  }

  // -- anomalies --

  bool is_blocked(index i) const { return blocked_ && anomalous_[i]; }

  void release() {
    blocked_ = false;
    for (index i = 0; i < members_.size(); ++i) {
      if (!anomalous_[i])
        continue;
      // What was blocked goes through, even if the next anomaly begins at once.
      for (auto& what : std::exchange(members_[i].blocked, {}))
        at(now_, std::move(what));
      listen(i);
    }
  }

  /// Does it now, or when the anomaly ends.
  void when_free(index i, std::function<void()> what) {
    if (is_blocked(i))
      members_[i].blocked.push_back(std::move(what));
    else
      what();
  }

  // -- network --

  void deliver(message m) {
    ++result_.messages;
    const auto to = m.to;
    at(now_ + random_.between(flight_min, flight_max), [this, to, m = std::move(m)]() mutable {
      auto& inbox = members_[to].inbox;
      if (inbox.size() < inbox_most)
        inbox.push_back(std::move(m));
      listen(to);
    });
  }

  /// Sends with what else there is to tell.
  void send(message m, bool with_broadcasts = true) {
    if (with_broadcasts)
      add_broadcasts(m, packet_bytes - 100);
    when_free(m.from, [this, m = std::move(m)]() mutable { deliver(std::move(m)); });
  }

  void listen(index i) {
    auto& me = members_[i];
    if (me.listener_busy || me.inbox.empty() || is_blocked(i))
      return;
    me.listener_busy = true;
    at(now_ + handling, [this, i] {
      auto& m = members_[i];
      m.listener_busy = false;
      if (is_blocked(i) || m.inbox.empty())
        return;
      const auto next = std::move(m.inbox.front());
      m.inbox.pop_front();
      handle(i, next);
      listen(i);
    });
  }

  // -- broadcasts --

  void tell(index i, const update& what) {
    auto& queue = members_[i].queue;
    std::erase_if(queue, [&](const broadcast& b) { return b.what.about == what.about; });
    queue.push_back({what, 0, ++arrivals_});
  }

  void add_broadcasts(message& m, std::size_t room) {
    auto& queue = members_[m.from].queue;
    if (queue.empty())
      return;
    const auto limit =
        retransmit_multiplier * static_cast<unsigned>(std::ceil(std::log10(settings_.members + 1)));
    std::ranges::sort(queue, {}, [](const broadcast& b) {
      return std::pair{b.transmits, ~b.arrival};
    });
    for (auto& b : queue) {
      if (b.what.bytes() > room)
        continue;
      room -= b.what.bytes();
      m.updates.push_back(b.what);
      ++b.transmits;
    }
    std::erase_if(queue, [&](const broadcast& b) { return b.transmits >= limit; });
  }

  void gossip_tick(index i) {
    auto& me = members_[i];
    if (me.gossiper_busy) {
      me.gossip_due = true;
      return;
    }
    if (me.queue.empty())
      return;
    me.gossiper_busy = true;
    gossip_to(i, some_of(i, gossip_nodes, [&](index to) {
                const auto& v = me.views[to];
                return v.is != state::dead || now_ - v.changed <= gossip_to_the_dead;
              }));
  }

  /// To one after the other.
  void gossip_to(index i, std::vector<index> targets) {
    auto& me = members_[i];
    message m{.is = kind::gossip, .from = i};
    if (!targets.empty())
      add_broadcasts(m, packet_bytes);
    if (m.updates.empty()) {
      me.gossiper_busy = false;
      if (std::exchange(me.gossip_due, false))
        gossip_tick(i);
      return;
    }
    m.to = targets.back();
    targets.pop_back();
    when_free(i, [this, i, m = std::move(m), targets = std::move(targets)]() mutable {
      deliver(std::move(m));
      at(now_ + sending,
         [this, i, targets = std::move(targets)]() mutable { gossip_to(i, std::move(targets)); });
    });
  }

  /// Up to `count` others that fit, by chance; it gives up after a while.
  template <class Predicate>
  std::vector<index> some_of(index i, std::size_t count, Predicate fits) {
    std::vector<index> result;
    for (std::size_t tries = 0; tries < 3 * settings_.members && result.size() < count; ++tries) {
      const auto to = static_cast<index>(random_.below(settings_.members));
      if (to != i && std::ranges::find(result, to) == result.end() && fits(to))
        result.push_back(to);
    }
    return result;
  }

  // -- probes --

  unsigned scale(index i) const {
    return settings_.health_scales_probes ? members_[i].health + 1 : 1;
  }

  void change_health(index i, int by) {
    members_[i].health = static_cast<unsigned>(
        std::clamp(static_cast<int>(members_[i].health) + by, 0, static_cast<int>(health_most)));
  }

  void probe_tick(index i) {
    auto& me = members_[i];
    if (me.probing.at != stage::idle || me.prober_busy) {
      me.probe_due = true;
      return;
    }
    for (std::size_t tries = 0; tries < me.round.size(); ++tries) {
      if (me.next_in_round >= me.round.size()) {
        me.next_in_round = 0;
        random_.shuffle(me.round);
      }
      const auto target = me.round[me.next_in_round++];
      if (me.views[target].is == state::dead)
        continue;
      return start_probe(i, target);
    }
  }

  void start_probe(index i, index target) {
    auto& me = members_[i];
    // Health stretches the time that a probe has, and so the period of those that fail.
    me.probing = {.at = stage::direct,
                  .target = target,
                  .number = me.next_number++,
                  .deadline = now_ + probe_interval * scale(i)};
    const auto number = me.probing.number;
    at(me.probing.deadline, [this, i, number] { deadline_passed(i, number); });
    message m{.is = kind::ping, .from = i, .to = target, .target = target, .number = number};
    const auto& v = me.views[target];
    if (settings_.buddy && v.is == state::suspect)
      m.updates.push_back({state::suspect, target, i, v.incarnation});
    else
      add_broadcasts(m, packet_bytes - 100);
    me.prober_busy = true;
    when_free(i, [this, i, number, m = std::move(m)]() mutable {
      auto& self = members_[i];
      deliver(std::move(m));
      if (now_ >= self.probing.deadline) {
        at(now_ + sending, [this, i, number] { go_indirect(i, number); });
        return;
      }
      self.prober_busy = false;
      at(std::min(now_ + probe_timeout * scale(i), self.probing.deadline),
         [this, i, number] { go_indirect(i, number); });
    });
  }

  void go_indirect(index i, std::uint32_t number) {
    auto& me = members_[i];
    if (me.probing.number != number || me.probing.at != stage::direct)
      return;
    me.probing.at = stage::indirect;
    auto helpers = some_of(i, indirect_checks, [&](index to) {
      return to != me.probing.target && me.views[to].is == state::alive;
    });
    me.probing.expected_nacks = static_cast<unsigned>(helpers.size());
    me.prober_busy = true;
    ask(i, std::move(helpers));
  }

  /// One after the other, and the target itself over a stream at last.
  void ask(index i, std::vector<index> helpers) {
    when_free(i, [this, i, helpers = std::move(helpers)]() mutable {
      auto& me = members_[i];
      message m{.from = i, .target = me.probing.target, .number = me.probing.number};
      if (!helpers.empty()) {
        m.is = kind::ping_req;
        m.to = helpers.back();
        helpers.pop_back();
        add_broadcasts(m, packet_bytes - 100);
        deliver(std::move(m));
        at(now_ + sending,
           [this, i, helpers = std::move(helpers)]() mutable { ask(i, std::move(helpers)); });
        return;
      }
      m.is = kind::stream_ping;
      m.to = me.probing.target;
      deliver(std::move(m));
      me.prober_busy = false;
      if (me.probing.acknowledged)
        probe_ends(i, -1);
      else if (now_ >= me.probing.deadline)
        probe_failed(i);
    });
  }

  void deadline_passed(index i, std::uint32_t number) {
    auto& me = members_[i];
    if (me.probing.number != number || me.probing.at != stage::indirect || me.prober_busy)
      return;
    probe_failed(i);
  }

  void probe_failed(index i) {
    const auto& done = members_[i].probing;
    if (done.contacted)
      return probe_ends(i, -1);
    suspect(i, {state::suspect, done.target, i, members_[i].views[done.target].incarnation});
    const auto missing = static_cast<int>(done.expected_nacks) -
                         static_cast<int>(std::min(done.nacks, done.expected_nacks));
    probe_ends(i, done.expected_nacks > 0 ? missing : 1);
  }

  void probe_ends(index i, int health) {
    auto& me = members_[i];
    me.probing.at = stage::idle;
    change_health(i, health);
    if (std::exchange(me.probe_due, false))
      probe_tick(i);
  }

  void handle(index i, const message& m) {
    auto& me = members_[i];
    for (const auto& u : m.updates)
      take(i, u);
    switch (m.is) {
    case kind::gossip:
      break;
    case kind::ping:
      send({.is = kind::ack, .from = i, .to = m.from, .number = m.number});
      break;
    case kind::stream_ping:
      send({.is = kind::stream_ack, .from = i, .to = m.from, .number = m.number}, false);
      break;
    case kind::ack:
      acknowledged(i, m);
      break;
    case kind::stream_ack:
      if (me.probing.at == stage::indirect && me.probing.number == m.number)
        me.probing.contacted = now_ <= me.probing.deadline;
      break;
    case kind::nack:
      if (me.probing.at == stage::indirect && me.probing.number == m.number &&
          now_ <= me.probing.deadline)
        ++me.probing.nacks;
      break;
    case kind::ping_req: {
      const auto number = me.next_number++;
      me.relays.emplace_back(number, relay{m.from, m.number});
      send({.is = kind::ping, .from = i, .to = m.target, .target = m.target, .number = number});
      at(now_ + probe_timeout, [this, i, number] { relay_ends(i, number); });
      break;
    }
    }
  }

  void relay_ends(index i, std::uint32_t number) {
    auto& me = members_[i];
    const auto found = std::ranges::find(me.relays, number, [](const auto& r) { return r.first; });
    if (found == me.relays.end())
      return;
    const auto r = found->second;
    me.relays.erase(found);
    if (!r.acknowledged && settings_.health_scales_probes)
      send({.is = kind::nack, .from = i, .to = r.origin, .number = r.origin_number});
  }

  void acknowledged(index i, const message& m) {
    auto& me = members_[i];
    const auto found =
        std::ranges::find(me.relays, m.number, [](const auto& r) { return r.first; });
    if (found != me.relays.end()) {
      found->second.acknowledged = true;
      send({.is = kind::ack,
            .from = i,
            .to = found->second.origin,
            .number = found->second.origin_number});
      return;
    }
    if (me.probing.at == stage::idle || me.probing.number != m.number || now_ > me.probing.deadline)
      return;
    me.probing.acknowledged = true;
    if (!me.prober_busy)
      probe_ends(i, -1);
  }

  // -- states --

  void take(index i, const update& u) {
    switch (u.is) {
    case state::alive:
      return alive(i, u);
    case state::suspect:
      return suspect(i, u);
    case state::dead:
      return dead(i, u);
    }
  }

  void refute(index i, std::uint32_t accused) {
    auto& me = members_[i];
    me.incarnation = std::max(me.incarnation, accused) + 1;
    me.views[i].incarnation = me.incarnation;
    change_health(i, 1);
    tell(i, {state::alive, i, i, me.incarnation});
  }

  void alive(index i, const update& u) {
    auto& v = members_[i].views[u.about];
    if (u.about == i || u.incarnation <= v.incarnation)
      return;
    stop(v.timer);
    v.incarnation = u.incarnation;
    v.is = state::alive;
    v.changed = now_;
    tell(i, u);
  }

  static void stop(suspicion& s) {
    s.runs = false;
    ++s.generation;
  }

  void suspect(index i, const update& u) {
    auto& v = members_[i].views[u.about];
    if (u.incarnation < v.incarnation)
      return;
    if (u.about == i) {
      if (u.incarnation >= members_[i].incarnation)
        refute(i, u.incarnation);
      return;
    }
    if (v.is == state::suspect && v.timer.runs && u.incarnation == v.incarnation) {
      if (confirm(i, u.about, u.from))
        tell(i, u);
      return;
    }
    if (v.is != state::alive)
      return;
    tell(i, u);
    v.incarnation = u.incarnation;
    v.is = state::suspect;
    v.changed = now_;
    v.timer.runs = true;
    v.timer.start = now_;
    v.timer.confirmed = 0;
    v.timer.accusers.reset();
    v.timer.accusers.set(u.from);
    time_out(i, u.about, settings_.suspicion_shrinks ? longest() : shortest());
  }

  duration shortest() const {
    return duration{static_cast<duration::rep>(
        settings_.alpha * std::max(1.0, std::log10(static_cast<double>(settings_.members))) *
        static_cast<double>(probe_interval.count()))};
  }
  duration longest() const { return shortest() * settings_.beta; }

  bool confirm(index i, index about, index from) {
    auto& t = members_[i].views[about].timer;
    // Three confirmations, as in the paper.
    constexpr unsigned wanted = 3;
    if (!settings_.suspicion_shrinks || t.confirmed >= wanted || t.accusers[from])
      return false;
    t.accusers.set(from);
    ++t.confirmed;
    const auto share = std::log(t.confirmed + 1.0) / std::log(wanted + 1.0);
    const auto total =
        std::max(shortest(),
                 longest() - duration{static_cast<duration::rep>(
                                 static_cast<double>((longest() - shortest()).count()) * share)});
    time_out(i, about, total);
    return true;
  }

  void time_out(index i, index about, duration total) {
    auto& t = members_[i].views[about].timer;
    t.end = t.start + total;
    const auto generation = ++t.generation;
    at(std::max(now_, t.end), [this, i, about, generation] {
      auto& v = members_[i].views[about];
      if (v.timer.runs && v.timer.generation == generation)
        dead(i, {state::dead, about, i, v.incarnation});
    });
  }

  void dead(index i, const update& u) {
    auto& v = members_[i].views[u.about];
    if (u.incarnation < v.incarnation)
      return;
    if (u.about == i) {
      if (u.incarnation >= members_[i].incarnation)
        refute(i, u.incarnation);
      return;
    }
    stop(v.timer);
    if (v.is == state::dead)
      return;
    tell(i, u);
    v.incarnation = u.incarnation;
    v.is = state::dead;
    v.changed = now_;
    if (!counting_)
      return;
    if (!anomalous_[u.about]) {
      ++result_.false_positives;
      if (!anomalous_[i])
        ++result_.false_positives_at_healthy;
    } else if (!anomalous_[i] && !first_[u.about]) {
      first_[u.about] = now_ - start_;
    }
  }

  lifeguard_settings settings_;
  anomaly anomaly_;
  membership::random_source random_;
  std::vector<member> members_;
  std::bitset<members_most> anomalous_;
  std::vector<std::optional<duration>> first_;
  std::priority_queue<happening, std::vector<happening>, std::greater<>> events_;
  std::uint64_t scheduled_ = 0;
  std::uint64_t arrivals_ = 0;
  duration now_{0};
  duration start_{0};
  bool blocked_ = false;
  bool counting_ = false;
  lifeguard_result result_;
};

} // namespace

lifeguard_result run_lifeguard(const lifeguard_settings& s, const anomaly& a, duration length,
                               std::uint64_t seed) {
  return world{s, a, seed}.run(length);
}

} // namespace starling::bench
