#pragma once

// One core and peers that a test plays by hand. They hold the cluster's key, answer pings unless
// told not to, and say what the test wants; what the core sends to them can be read.

#include "membership/swim.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace starling::membership {

using namespace std::chrono_literals;

/// A packet from the core, with the members in it.
struct seen_packet {
  duration when{0};
  udp_address to;
  packet_header header;
  packet_body body;
  std::vector<member> members;
  std::size_t size = 0;

  const member* about(const node_id& id) const {
    for (const auto& m : members)
      if (m.id == id)
        return &m;
    return nullptr;
  }
};

class stage {
public:
  static constexpr std::uint64_t wall_clock = 1'700'000'000'000;
  static constexpr std::uint64_t day = 24ull * 3600 * 1000;

  struct peer {
    node_id id;
    session_id session;
    incarnation at;
    udp_address where;
    std::string address;
    bool answers = true; // pings
    bool nacks = true;   // requests to ping others
    bool leaving = false;
    bool settled = false;
    std::uint8_t health = 0;
    std::uint64_t digest = 0;
    std::uint64_t counter = 0;

    member record(member_state is = member_state::alive) const {
      return {id, {at, is, {}}, profile{at, session, where, address, "", ""}};
    }
    /// What others may say of it.
    member claim(member_state is, std::initializer_list<node_id> accusers = {}) const {
      member m{id, {at, is, {}}, std::nullopt};
      for (const auto& a : accusers)
        m.status.accusers.insert(a);
      return m;
    }
  };

  static udp_address udp_of(std::size_t i) {
    return udp_address::v4(10, 0, 0, static_cast<std::uint8_t>(i + 1), 9080);
  }
  static node_id id_of(std::size_t i) { return node_id::from(i + 1, 0); }

  explicit stage(std::size_t count, settings s = {}, std::vector<std::string> seeds = {})
      : core(s, own_identity(), secret, std::move(seeds), 42, 0us) {
    peers.reserve(64); // references stay valid
    core.start(now, where);
    look();
    for (std::size_t i = 0; i < count; ++i)
      add();
  }

  static identity own_identity() {
    return {node_id::from(500, 0), wall_clock, wall_clock, {1}, "core:9080", "core", ""};
  }

  /// Brings in another peer, by a sync.
  peer& add() {
    const auto i = peers.size();
    peers.push_back({.id = id_of(i),
                     .session = {100 + i},
                     .at = {wall_clock, 0},
                     .where = udp_of(i),
                     .address = "p" + std::to_string(i) + ":9080"});
    sync(peers.back(), {peers.back().record()});
    return peers.back();
  }

  // -- what peers do --

  std::string packet_of(peer& p, packet_kind kind, const packet_body& body = {},
                        const std::vector<member>& members = {}) const {
    wire::writer out;
    packet_writer writer{out, packet_bytes_max};
    writer.begin(secret.cluster_id(),
                 {.kind = kind,
                  .from = p.id,
                  .session = p.session,
                  .at = p.at,
                  .settled = p.settled,
                  .leaving = p.leaving,
                  .health = p.health,
                  .counter = ++p.counter,
                  .digest = p.digest},
                 body);
    for (const auto& m : members)
      writer.add(m, true);
    writer.finish(secret);
    return std::move(out).take();
  }

  void receive(const udp_address& from, std::string_view bytes) {
    core.receive(now, from, bytes);
    look();
  }

  void say(peer& p, packet_kind kind, const packet_body& body = {},
           const std::vector<member>& members = {}) {
    receive(p.where, packet_of(p, kind, body, members));
  }

  void gossip(peer& p, const std::vector<member>& members) {
    say(p, packet_kind::gossip, {}, members);
  }

  static std::string table(const node_id& from, const std::vector<member>& members,
                           std::uint64_t age_seconds = 0) {
    wire::writer out;
    begin_list(out, {.id = from, .address = "p:1"}, members.size());
    for (const auto& m : members)
      add_to_list(out, m, age_seconds);
    return std::move(out).take();
  }

  /// What the core's table in a call or an answer holds, sender and ages aside; nothing if
  /// malformed.
  static std::optional<std::vector<member>> members_in_call(std::string_view bytes) {
    wire::reader in{bytes};
    wire::decode_call_header(in);
    return in.ok() ? members_of(in.raw(in.remaining())) : std::nullopt;
  }

  static std::optional<std::vector<member>> members_in_answer(std::string_view bytes) {
    const auto answer = wire::decode_answer(bytes);
    const auto* content = std::get_if<std::string_view>(&answer);
    return content ? members_of(*content) : std::nullopt;
  }

  static std::optional<std::vector<member>> members_of(std::string_view bytes) {
    wire::reader in{bytes};
    decode_list_head(in);
    std::vector<member> result;
    for (const auto& [who, age] : decode_list(in))
      result.push_back(who);
    return in.ok() ? std::optional{result} : std::nullopt;
  }

  /// A peer pushes its table; returns what the core answers.
  std::variant<std::string, wire::decode_error>
  sync(const peer& p, const std::vector<member>& members, std::uint64_t age_seconds = 0) {
    auto answer = core.answer(now, call_kind::sync, table(p.id, members, age_seconds));
    look();
    return answer;
  }

  // -- time --

  /// Lets time pass, with ticks when the core wants them. Peers answer after a millisecond.
  void run(duration how_long) {
    const auto end = now + how_long;
    while (true) {
      const auto tick = std::max(now, core.next_tick().value_or(end + 1us));
      const auto reply = replies_.empty() ? end + 1us : replies_.front().first;
      if (std::min(tick, reply) > end)
        break;
      now = std::max(now, std::min(tick, reply));
      if (reply <= tick) {
        const auto what = std::move(replies_.front().second);
        replies_.erase(replies_.begin());
        what();
      } else {
        core.tick(now);
        look();
      }
    }
    now = end;
  }

  bool run_until(const std::function<bool()>& holds, duration most) {
    for (const auto end = now + most; now < end; run(10ms))
      if (holds())
        return true;
    return holds();
  }

  // -- what the core did --

  member_state state(const node_id& id) const { return core.table().find(id)->record.status.is; }

  std::size_t count(event_kind kind) const {
    return static_cast<std::size_t>(
        std::ranges::count(events, kind, [](const event& e) { return e.kind; }));
  }

  /// Packets of a kind to a peer.
  std::vector<seen_packet> sent(packet_kind kind, const udp_address& to) const {
    std::vector<seen_packet> result;
    for (const auto& p : packets)
      if (p.header.kind == kind && p.to == to)
        result.push_back(p);
    return result;
  }

  std::vector<seen_packet> sent(packet_kind kind) const {
    std::vector<seen_packet> result;
    for (const auto& p : packets)
      if (p.header.kind == kind)
        result.push_back(p);
    return result;
  }

  /// Why calls fail that do.
  call_failure failure;

  /// The content of the answer to each call from now on; without, they fail.
  std::function<std::optional<std::string>(const call&)> on_call = [](const call&) {
    return std::nullopt;
  };

  /// The same, with what goes around the content.
  std::function<std::optional<std::string>(const call&)> on_answer =
      [this](const call& c) -> std::optional<std::string> {
    const auto content = on_call(c);
    return content ? std::optional{wire::encode_answer(*content)} : std::nullopt;
  };

  /// Where the name of a seed leads, from now on; nothing if it is not found.
  std::function<std::vector<std::string>(const std::string&)> on_lookup = [](const auto& name) {
    return std::vector{name};
  };

  /// Calls do not end, well or not.
  bool is_called_in_vain = false;

  /// Takes note of the outputs of the last input, and lets the peers react.
  void look() {
    for (std::size_t i = 0; i < core.out().packets(); ++i) {
      const auto p = core.out().packet_at(i);
      const auto opened = open_packet(secret, secret.cluster_id(), p.bytes);
      const auto& whole = std::get<opened_packet>(opened);
      seen_packet seen{now, p.to, whole.header, whole.body, {}, p.bytes.size()};
      for_each_member(whole.parts, [&](const member& m) { seen.members.push_back(m); });
      packets.push_back(seen);
      react(seen);
    }
    for (const auto& e : core.out().events)
      events.push_back(e);
    for (const auto& name : core.out().lookups) {
      lookups.push_back(name);
      at(now, [this, name] {
        if (auto addresses = on_lookup(name); !addresses.empty())
          core.found(now, name, std::move(addresses));
        else
          core.not_found(now, name, "no such name");
        look();
      });
    }
    for (const auto& c : core.out().calls) {
      calls.push_back(c);
      if (is_called_in_vain)
        continue;
      at(now + 1ms, [this, c] {
        if (const auto answer = on_answer(c))
          static_cast<void>(core.call_answered(now, c.token, *answer));
        else
          core.call_failed(now, c.token, failure);
        look();
      });
    }
  }

  void forget_what_was_seen() {
    packets.clear();
    events.clear();
    lookups.clear();
    calls.clear();
  }

  wire::secret secret{"test", "a key of sixteen bytes"};
  udp_address where = udp_address::v4(10, 0, 9, 9, 9080);
  duration now{0};
  swim core;
  std::vector<peer> peers;
  std::vector<seen_packet> packets;
  std::vector<event> events;
  std::vector<std::string> lookups;
  std::vector<call> calls;

private:
  void at(duration when, std::function<void()> what) {
    replies_.emplace_back(when, std::move(what));
    std::ranges::stable_sort(replies_, {}, [](const auto& r) { return r.first; });
  }

  void react(const seen_packet& p) {
    for (std::size_t i = 0; i < peers.size(); ++i) {
      auto& who = peers[i];
      if (who.where != p.to)
        continue;
      if (p.header.kind == packet_kind::ping && who.answers && p.body.target == who.id)
        at(now + 1ms, [this, i, number = p.body.number] {
          say(peers[i], packet_kind::ack, {.number = number});
        });
      if (p.header.kind == packet_kind::ping_req && who.answers && who.nacks)
        at(now + p.body.budget - 60ms, [this, i, number = p.body.number] {
          say(peers[i], packet_kind::nack, {.number = number});
        });
    }
  }

  std::vector<std::pair<duration, std::function<void()>>> replies_;
};

} // namespace starling::membership
