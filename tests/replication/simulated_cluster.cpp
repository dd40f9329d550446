#include "tests/replication/simulated_cluster.hpp"

#include <algorithm>
#include <memory>

namespace starling::simulation {

cluster::cluster(std::uint64_t seed, cluster_options options)
    : options_(std::move(options)), random_(seed) {
  for (address at = 0; at < options_.nodes; ++at)
    nodes_.push_back(make_node(at));
  for (address at = 0; at < options_.nodes; ++at) {
    introduce(at, duration{0});
    tick(at);
  }
}

cluster::node cluster::make_node(address at) {
  node result{
      {random_.bits()}, crdt::replica_id::from(random_.bits(), random_.bits()), options_.limits};
  sessions_[result.session] = {at, sessions_.size()};
  kept_.insert(result.self);
  return result;
}

const crdt::value* cluster::find(address at, const crdt::key& key) const {
  const auto found = nodes_[at].values.find(key);
  return found == nodes_[at].values.end() ? nullptr : &found->second;
}

// -- what happens to nodes --

void cluster::run_for(duration length) {
  bool over = false;
  time_.after(length, [&over] { over = true; });
  while (!over)
    time_.step();
}

void cluster::apply(address at, const crdt::key& key, const crdt::command& what) {
  auto& n = nodes_[at];
  if (!n.up || n.paused_until > time_.now())
    return;
  auto& target = n.values.try_emplace(key, key.type).first->second;
  const auto before = target;
  // Clocks are wrong by up to a second, each always in the same way.
  const auto wall = static_cast<std::uint64_t>(time_.now().count()) + n.session.value % 1000;
  const auto outcome = crdt::apply(target, what, n.self, wall);
  const auto* delta = std::get_if<std::optional<crdt::value>>(&outcome);
  if (!delta)
    return; // refused
  past_.note(key, what, n.self, before, delta->value_or(crdt::value{key.type}));
  if (*delta)
    then(at, options_.step_max,
         [this, at, key, d = **delta](node&) { record(at, key, d, std::nullopt); });
}

void cluster::crash(address at) {
  nodes_[at].up = false;
  kept_.erase(nodes_[at].self);
}

void cluster::restart(address at) {
  nodes_[at] = make_node(at);
  introduce(at, duration{1000});
  tick(at);
}

void cluster::pause(address at, duration length) {
  nodes_[at].paused_until = std::max(nodes_[at].paused_until, time_.now() + length);
}

void cluster::forget_for_a_while(address at, address peer, duration length) {
  auto& n = nodes_[at];
  const auto known = n.peers.find(peer);
  if (!n.up || known == n.peers.end())
    return;
  const auto session = known->second;
  n.core.remove_peer(session); // what is under way for it is reported all the same
  then(at, length, [peer, session](node& later) {
    if (later.peers.at(peer) == session)
      later.core.add_peer(session);
  });
}

/// Lets something happen on a node, unless that dies before it.
void cluster::then(address at, duration delay, std::function<void(node&)> what) {
  time_.after(delay, [this, at, session = session_at(at), what = std::move(what)] {
    run(at, session, what);
  });
}

void cluster::run(address at, session_id session, std::function<void(node&)> what) {
  auto& n = nodes_[at];
  if (!n.up || n.session != session)
    return;
  if (n.paused_until > time_.now()) {
    time_.after(n.paused_until - time_.now(),
                [this, at, session, what = std::move(what)] { run(at, session, what); });
    return;
  }
  what(n);
  check_log(n);
}

void cluster::tick(address at) {
  then(at, random_.between(options_.gossip_interval / 2, options_.gossip_interval * 3 / 2),
       [this, at](node& n) {
         tick(at);
         perform(at, n, n.core.round(random_.bits()));
       });
}

/// The node takes note of who is at an address, unless it knows of a later session there.
void cluster::meet(node& n, address where, session_id session) {
  const auto known = n.peers.find(where);
  if (known != n.peers.end()) {
    if (sessions_.at(known->second).second >= sessions_.at(session).second)
      return;
    n.core.remove_peer(known->second);
  }
  n.peers[where] = session;
  n.core.add_peer(session);
}

/// A new session and its peers hear of each other.
void cluster::introduce(address newcomer, duration within) {
  const auto session = session_at(newcomer);
  for (address other = 0; other < nodes_.size(); ++other) {
    if (!is_linked(newcomer, other))
      continue;
    then(newcomer, random_.between(duration{0}, within),
         [this, other](node& n) { meet(n, other, session_at(other)); });
    // Even if the newcomer dies before: news travel late.
    then(other, random_.between(duration{0}, within),
         [this, newcomer, session](node& n) { meet(n, newcomer, session); });
  }
}

void cluster::record(address at, const crdt::key& key, crdt::value delta,
                     std::optional<session_id> from) {
  nodes_[at].core.record(key, std::move(delta), from);
}

// -- what the core wants done --

void cluster::perform(address at, node& n, std::vector<replication::effect> effects) {
  for (const auto& e : effects)
    std::visit([&](const auto& wanted) { carry_out(at, n, wanted); }, e);
}

void cluster::carry_out(address at, node& n, const replication::send_message& e) {
  check_size(e.bytes);
  note_in_trace(e.bytes);
  ++messages_;
  const auto job = n.jobs[e.peer] = ++jobs_;
  const auto to = sessions_.at(e.peer).first;
  net_.send(at, to, [this, at, to, peer = e.peer, bytes = e.bytes] {
    then(to, duration{0}, [this, at, to, peer, bytes](node&) { receive(to, at, peer, bytes); });
  });
  then(at, options_.answer_timeout, [peer = e.peer, job](node& later) {
    const auto current = later.jobs.find(peer);
    if (current == later.jobs.end() || current->second != job)
      return;
    later.jobs.erase(current);
    later.core.failed(peer);
  });
}

void cluster::carry_out(address at, node& n, const replication::list_keys& e) {
  ++transfers_;
  const auto job = n.jobs[e.peer] = ++jobs_;
  then(at, step_time(), [this, at, job, peer = e.peer](node& reading) {
    std::vector<crdt::key> keys;
    for (const auto& [key, value] : reading.values)
      keys.push_back(key);
    then(at, step_time(), [this, at, job, peer, keys](node& later) {
      if (const auto found = later.jobs.find(peer);
          found != later.jobs.end() && found->second == job)
        perform(at, later, later.core.listed(peer, keys));
    });
  });
}

void cluster::carry_out(address at, node& n, const replication::read_states& e) {
  const auto job = n.jobs[e.peer] = ++jobs_;
  // Each state is read at a moment of its own, and the report follows the last of them.
  const auto states = std::make_shared<std::vector<replication::encoded_item>>();
  for (const auto& key : e.keys)
    then(at, step_time(), [key, states](node& reading) {
      if (const auto found = reading.values.find(key);
          found != reading.values.end() && !found->second.empty())
        states->push_back({key, found->second.encode()});
    });
  const bool fails = random_.chance(2);
  then(at, options_.step_max + step_time(),
       [this, at, job, peer = e.peer, states, fails](node& later) {
         const auto found = later.jobs.find(peer);
         if (found == later.jobs.end() || found->second != job)
           return;
         if (fails)
           later.core.failed(peer);
         else
           perform(at, later, later.core.states_read(peer, *states));
       });
}

void cluster::carry_out(address, node& n, const replication::peer_changed& e) {
  const auto where = sessions_.find(e.present);
  if (where != sessions_.end())
    meet(n, where->second.first, e.present);
}

void cluster::receive(address at, address from, session_id believed, const std::string& bytes) {
  auto& n = nodes_[at];
  const auto decoded = replication::decode_message(bytes);
  const auto* m = std::get_if<replication::message>(&decoded);
  if (!m) {
    past_.complain("a message was refused");
    return;
  }
  auto answer = n.core.refused(*m);
  if (n.core.is_for_us(*m)) {
    join(at, m->from, m->items);
    answer = n.core.joined(*m).bytes;
  }
  note_in_trace(answer);
  net_.send(at, from, [this, from, believed, answer] {
    then(from, duration{0},
         [this, from, believed, answer](node&) { receive_answer(from, believed, answer); });
  });
}

void cluster::join(address at, session_id from, const std::vector<replication::item>& items) {
  auto& n = nodes_[at];
  n.core.heard(from, items);
  for (const auto& [key, part] : items) {
    past_.check_events(key, part);
    auto& target = n.values.try_emplace(key, key.type).first->second;
    if (auto news = target.join(part))
      record(at, key, std::move(*news), from);
  }
}

void cluster::receive_answer(address at, session_id believed, const std::string& bytes) {
  auto& n = nodes_[at];
  const auto decoded = replication::decode_answer(bytes);
  const auto* a = std::get_if<replication::answer>(&decoded);
  if (!a) {
    past_.complain("an answer was refused");
    return;
  }
  if (!n.core.expects(believed, *a))
    return;
  n.jobs.erase(believed);
  join(at, believed, a->items);
  perform(at, n, n.core.answered(believed, *a));
}

// -- the end --

void cluster::settle() {
  net_.now = {.loss_percent = 0, .repeat_percent = net_.now.repeat_percent};
  net_.join_all();
  for (address at = 0; at < nodes_.size(); ++at) {
    if (!nodes_[at].up)
      restart(at);
    nodes_[at].paused_until = time_.now();
  }
  const auto held = all_that_is_held();
  const auto deadline = time_.now() + std::chrono::minutes{10};
  auto busy = time_.now();
  while (time_.now() - busy < std::chrono::seconds{20}) {
    if (!is_quiet())
      busy = time_.now();
    if (time_.now() > deadline) {
      past_.complain("the cluster does not become quiet");
      return;
    }
    time_.step();
  }
  check_final(held);
}

/// The next rounds have nothing to do.
bool cluster::is_quiet() const {
  return std::all_of(nodes_.begin(), nodes_.end(), [](const node& n) {
    const auto peers = n.core.status();
    return std::all_of(peers.begin(), peers.end(),
                       [](const auto& p) { return !p.behind && p.pending == 0; });
  });
}

std::map<crdt::key, crdt::value> cluster::all_that_is_held() const {
  std::map<crdt::key, crdt::value> result;
  for (const auto& n : nodes_)
    for (const auto& [key, value] : n.values)
      result.try_emplace(key, key.type).first->second.join(value);
  return result;
}

void cluster::check_final(const std::map<crdt::key, crdt::value>& held) {
  auto keys = past_.keys();
  for (const auto& n : nodes_) {
    for (const auto& [key, value] : n.values)
      keys.insert(key);
    if (n.core.log().bytes() != 0 || n.core.log().size() != 0)
      past_.complain("a log is not empty though nobody lacks anything");
  }
  for (const auto& key : keys) {
    const auto value_at = [&](address at) {
      const auto* found = find(at, key);
      return found ? *found : crdt::value{key.type};
    };
    const auto first = value_at(0);
    for (address at = 1; at < nodes_.size(); ++at)
      if (value_at(at).encode() != first.encode())
        past_.complain(std::string{to_string(key.type)} + " " + key.name + ": node " +
                       std::to_string(at) + " differs from node 0");
    past_.check_final(key, first, kept_);
    if (const auto found = held.find(key); found != held.end())
      if (auto copy = first; copy.join(found->second))
        past_.complain(std::string{to_string(key.type)} + " " + key.name +
                       ": what a replica held is gone");
  }
}

// -- what must hold all the time --

void cluster::check_log(const node& n) {
  if (n.core.log().bytes() > options_.limits.log_bytes)
    past_.complain("a log passed its bound");
}

void cluster::check_size(const std::string& bytes) {
  static const auto head =
      replication::encode(replication::message{{}, {}, UINT64_MAX, UINT64_MAX}, {}).size() + 9;
  if (bytes.size() <= head + options_.limits.message_bytes)
    return;
  const auto decoded = replication::decode_message(bytes);
  const auto* m = std::get_if<replication::message>(&decoded);
  if (!m || m->items.size() != 1)
    past_.complain("a message of several items passed its bound");
}

void cluster::note_in_trace(std::string_view bytes) {
  const auto note = [this](std::uint64_t x) { trace_ = (trace_ ^ x) * 1099511628211u; };
  note(static_cast<std::uint64_t>(time_.now().count()));
  for (const char c : bytes)
    note(static_cast<unsigned char>(c));
}

} // namespace starling::simulation
