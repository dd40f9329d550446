#include "bench/gossip_world.hpp"

#include <algorithm>

namespace starling::bench {

namespace {

using replication::session_id;

constexpr duration link_delay = std::chrono::milliseconds{1};
const replication::digester digests{{}};

constexpr duration call_timeout = std::chrono::milliseconds{500};

session_id session_of(std::size_t i) {
  return {i + 1};
}

std::size_t index_of(session_id s) {
  return s.value - 1;
}

} // namespace

links mesh(std::size_t n) {
  links result(n);
  for (std::size_t i = 0; i < n; ++i)
    result[i] = {(i + 1) % n, (i + n - 1) % n, (i + 4) % n, (i + n - 4) % n};
  return result;
}

links tree() {
  links result(15);
  const std::pair<std::size_t, std::size_t> edges[] = {{0, 1},  {0, 8},  {0, 13},  {1, 6},  {2, 5},
                                                       {3, 10}, {4, 5},  {5, 6},   {6, 10}, {7, 13},
                                                       {8, 9},  {8, 14}, {10, 12}, {11, 13}};
  for (const auto& [a, b] : edges) {
    result[a].push_back(b);
    result[b].push_back(a);
  }
  return result;
}

links everybody(std::size_t n) {
  links result(n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j)
      if (i != j)
        result[i].push_back(j);
  return result;
}

gossip_world::gossip_world(const options& o) : options_(o), random_(o.seed) {
  const auto n = options_.topology.size();
  for (std::size_t i = 0; i < n; ++i) {
    nodes.push_back({{},
                     replication::gossip{session_of(i),
                                         {.message_bytes = o.message_bytes, .fanout = o.fanout},
                                         digests},
                     crdt::replica_id::from(1, i)});
    auto& core = nodes.back().core;
    for (const auto peer : options_.topology[i])
      core.add_peer(session_of(peer));
    // There is no key yet, so nobody lacks any.
    for (const auto& effect : core.rounds({})) {
      const auto& [peer, sealed, items, size] = std::get<replication::send_message>(effect);
      const auto m = std::get<replication::message>(replication::decode_message(sealed));
      replication::answer equal{peer, session_of(i), m.sequence};
      equal.walk = replication::answer_to(*m.walk, core.tree(), o.message_bytes).answer;
      core.answered(peer, equal);
    }
  }
}

void gossip_world::write(std::size_t at, const crdt::key& key,
                         const std::function<std::optional<crdt::value>(crdt::value&)>& change) {
  auto& n = nodes[at];
  auto& value = n.values.try_emplace(key, key).first->second;
  auto changed = value.value();
  if (const auto delta = change(changed)) {
    value.join(*delta, digests);
    n.core.record(key, *delta, value.digest(), std::nullopt);
  }
}

void gossip_world::start() {
  for (std::size_t i = 0; i < nodes.size(); ++i)
    time.at(time.now() + random_.between(duration{0}, options_.interval), [this, i] { tick(i); });
}

void gossip_world::tick(std::size_t at) {
  perform(at, nodes[at].core.rounds({}));
  time.after(options_.interval, [this, at] { tick(at); });
}

void gossip_world::start_rounds() {
  std::vector<std::vector<replication::effect>> all;
  for (auto& n : nodes) // all choose before any is heard
    all.push_back(n.core.round(random_.bits()));
  for (std::size_t i = 0; i < nodes.size(); ++i)
    perform(i, all[i]);
}

void gossip_world::run(duration how_long) {
  const auto end = time.now() + how_long;
  bool is_over = false;
  time.at(end, [&is_over] { is_over = true; });
  while (!is_over)
    time.step();
}

bool gossip_world::is_quiet() const {
  return std::ranges::all_of(nodes, [](const node& n) {
    return std::ranges::all_of(n.core.status(),
                               [](const auto& p) { return !p.behind && p.pending == 0; });
  });
}

bool gossip_world::are_equal() const {
  const auto same = [](const auto& a, const auto& b) {
    return a.first == b.first && a.second.value() == b.second.value();
  };
  return std::ranges::all_of(
      nodes, [&](const node& n) { return std::ranges::equal(n.values, nodes[0].values, same); });
}

bool gossip_world::is_lost(std::size_t from, std::size_t to) {
  return (options_.loss > 0 && random_.chance(options_.loss)) || cut(from, to);
}

void gossip_world::perform(std::size_t at, const std::vector<replication::effect>& effects) {
  for (const auto& effect : effects) {
    const auto* sent = std::get_if<replication::send_message>(&effect);
    if (sent == nullptr)
      continue;
    const auto to = index_of(sent->peer);
    ++metadata;
    bytes += sent->bytes.size();
    const auto m = std::get<replication::message>(replication::decode_message(sent->bytes));
    for (const auto& item : m.items)
      elements += item.part.elements();
    if (is_lost(at, to))
      time.after(call_timeout, [this, at, to] { nodes[at].core.failed(session_of(to)); });
    else
      time.after(link_delay, [this, at, to, sealed = sent->bytes] { arrive(at, to, sealed); });
  }
}

void gossip_world::arrive(std::size_t from, std::size_t to, const std::string& sealed) {
  const auto m = std::get<replication::message>(replication::decode_message(sealed));
  auto reply = replication::encode(
      replication::answer{m.to, m.from, m.sequence, replication::verdict::joined});
  if (options_.with != algorithm::ours) {
    join(to, m.from, m.items);
  } else {
    auto taken = nodes[to].core.receive(m);
    const auto& in = std::get<replication::gossip::incoming>(taken);
    join(to, m.from, in.items);
    reply = nodes[to].core.joined(in).bytes;
  }
  ++metadata;
  bytes += reply.size();
  const auto a = std::get<replication::answer>(replication::decode_answer(reply));
  for (const auto& item : a.items)
    elements += item.part.elements();
  if (is_lost(to, from))
    time.after(call_timeout, [this, from, to] { nodes[from].core.failed(session_of(to)); });
  else
    time.after(link_delay, [this, from, to, reply] { answer(from, to, reply); });
}

void gossip_world::answer(std::size_t from, std::size_t to, const std::string& sealed) {
  const auto a = std::get<replication::answer>(replication::decode_answer(sealed));
  if (options_.with == algorithm::ours)
    join(from, a.from, nodes[from].core.receive_answer(session_of(to), a).value());
  perform(from, nodes[from].core.answered(session_of(to), a));
}

void gossip_world::join(std::size_t at, session_id from,
                        const std::vector<replication::item>& items) {
  auto& n = nodes[at];
  const auto with = options_.with;
  const bool is_reduced = with != algorithm::classic && with != algorithm::bp;
  const bool is_held_back = with != algorithm::classic && with != algorithm::rr;
  const auto heard_from = is_held_back ? std::optional{from} : std::nullopt;
  bool is_news = false;
  for (const auto& [key, part] : items) {
    auto& value = n.values.try_emplace(key, key).first->second;
    const auto novelty = value.join(part, digests);
    if (!novelty)
      continue;
    is_news = true;
    news(at, key, *novelty);
    if (is_reduced)
      n.core.record(key, *novelty, value.digest(), heard_from);
  }
  // The paper's map is one object: if anything of a delta is new, all of it is passed on.
  if (is_news && !is_reduced)
    for (const auto& [key, part] : items)
      n.core.record(key, part, n.values.at(key).digest(), heard_from);
}

std::size_t elements_of(const replication::delta_log& log) {
  constexpr session_id nobody{0};
  std::size_t result = 0;
  for (auto number = log.first(); number <= log.last(); ++number)
    result += 1 + crdt::value::elements_of(*log.rest(number, nobody));
  return result;
}

} // namespace starling::bench
