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
constexpr unsigned health_most = 7;
constexpr std::size_t packet_bytes = 1400;

// Of the machine that the paper used, where 8 agents shared a core. The first two are fitted: with
// them the shares of LHA-Suspicion, Buddy and Lifeguard come out as published; how often a
// suspicion is refuted in a short moment of rest depends on how fast it is heard and passed on.
constexpr duration handling = 30us; // of one message
constexpr duration waking = 2ms;    // until who was blocked runs again, at most
constexpr duration flight_min = 50us;
constexpr duration flight_max = 250us;

enum class state : std::uint8_t { alive, suspect, dead };

struct update {
  state is;
  index about;
  index from; // the accuser
  std::uint32_t incarnation;

  std::size_t bytes() const { return is == state::alive ? 200 : 70; }
};

enum class kind : std::uint8_t { ping, ack, nack, ping_req, gossip, stream_ping, stream_ack };

struct message {
  kind is = kind::gossip;
  index from = 0;
  index to = 0;
  index target = 0;
  std::uint32_t number = 0;
  std::vector<update> updates;
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
  unsigned expected_nacks = 0;
  unsigned nacks = 0;
};

class world;

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
  duration next_probe{0};
  bool prober_blocks = false;
  bool gossiper_blocks = false;
  std::vector<std::pair<std::uint32_t, relay>> relays;
  std::deque<message> inbox;
  bool listener_busy = false;
  duration listener_free{0};
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
      auto going_on = std::move(members_[i].blocked);
      members_[i].blocked.clear();
      for (auto& what : going_on)
        at(now_ + random_.between(duration{0}, waking),
           [this, i, what = std::move(what)]() mutable { when_free(i, std::move(what)); });
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
      members_[to].inbox.push_back(std::move(m));
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
    if (me.gossiper_blocks || me.queue.empty())
      return;
    std::vector<index> targets;
    for (int tries = 0;
         tries < 3 * static_cast<int>(settings_.members) && targets.size() < gossip_nodes;
         ++tries) {
      const auto to = static_cast<index>(random_.below(settings_.members));
      const auto& v = me.views[to];
      if (to == i || std::ranges::find(targets, to) != targets.end() ||
          (v.is == state::dead && now_ - v.changed > gossip_to_the_dead))
        continue;
      targets.push_back(to);
    }
    gossip_on(i, std::move(targets));
  }

  void gossip_on(index i, std::vector<index> targets) {
    auto& me = members_[i];
    while (!targets.empty()) {
      message m{.is = kind::gossip, .from = i, .to = targets.back()};
      targets.pop_back();
      add_broadcasts(m, packet_bytes);
      if (m.updates.empty())
        return;
      if (is_blocked(i)) {
        me.gossiper_blocks = true;
        me.blocked.push_back([this, i, m = std::move(m), targets]() mutable {
          members_[i].gossiper_blocks = false;
          deliver(std::move(m));
          gossip_on(i, std::move(targets));
        });
        return;
      }
      deliver(std::move(m));
    }
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
    if (me.probing.at != stage::idle || me.prober_blocks || now_ < me.next_probe)
      return; // a ticker drops what nobody takes
    // A tick early or late is none; health stretches the period and the timeout (section IV-A).
    me.next_probe = now_ + probe_interval * scale(i) - probe_interval / 2;
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
    me.prober_blocks = true;
    when_free(i, [this, i, number, m = std::move(m)]() mutable {
      auto& self = members_[i];
      self.prober_blocks = false;
      deliver(std::move(m));
      if (now_ >= self.probing.deadline)
        return go_indirect(i, number);
      at(std::min(now_ + probe_timeout * scale(i), self.probing.deadline),
         [this, i, number] { go_indirect(i, number); });
    });
  }

  void go_indirect(index i, std::uint32_t number) {
    auto& me = members_[i];
    if (me.probing.number != number || me.probing.at != stage::direct)
      return;
    me.probing.at = stage::indirect;
    std::vector<message> requests;
    std::vector<index> helpers;
    for (int tries = 0;
         tries < 3 * static_cast<int>(settings_.members) && helpers.size() < indirect_checks;
         ++tries) {
      const auto to = static_cast<index>(random_.below(settings_.members));
      if (to == i || to == me.probing.target || std::ranges::find(helpers, to) != helpers.end() ||
          me.views[to].is != state::alive)
        continue;
      helpers.push_back(to);
    }
    me.probing.expected_nacks =
        settings_.health_scales_probes ? static_cast<unsigned>(helpers.size()) : 0;
    me.prober_blocks = true;
    when_free(i, [this, i, number, helpers] {
      auto& self = members_[i];
      self.prober_blocks = false;
      for (const auto to : helpers) {
        message m{.is = kind::ping_req,
                  .from = i,
                  .to = to,
                  .target = self.probing.target,
                  .number = number};
        add_broadcasts(m, packet_bytes - 100);
        deliver(std::move(m));
      }
      deliver({.is = kind::stream_ping,
               .from = i,
               .to = self.probing.target,
               .target = self.probing.target,
               .number = number});
      if (now_ >= self.probing.deadline)
        probe_failed(i);
    });
  }

  void deadline_passed(index i, std::uint32_t number) {
    auto& me = members_[i];
    if (me.probing.number != number || me.probing.at != stage::indirect || me.prober_blocks)
      return;
    probe_failed(i);
  }

  void probe_failed(index i) {
    auto& me = members_[i];
    auto done = me.probing;
    me.probing.at = stage::idle;
    if (done.contacted)
      return change_health(i, -1);
    if (settings_.health_scales_probes)
      change_health(i, done.expected_nacks > 0
                           ? static_cast<int>(done.expected_nacks) -
                                 static_cast<int>(std::min(done.nacks, done.expected_nacks))
                           : 1);
    suspect(i, {state::suspect, done.target, i, me.views[done.target].incarnation});
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
    if (me.probing.at == stage::idle || me.probing.number != m.number || me.prober_blocks ||
        now_ > me.probing.deadline)
      return;
    me.probing.at = stage::idle;
    change_health(i, -1);
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
    if (settings_.health_scales_probes)
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
