#include "bench/member_world.hpp"

#include <algorithm>

namespace starling::bench {

namespace {

using namespace membership;

constexpr duration call_timeout = std::chrono::seconds{5};

std::string address_of(std::size_t i) {
  return "n" + std::to_string(i) + ":1";
}

std::size_t index_of_address(const std::string& address) {
  return std::stoul(address.substr(1));
}

udp_address udp_of(std::size_t i) {
  return udp_address::v4(10, 0, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i), 1);
}

} // namespace

member_world::member_world(const settings& s, std::uint64_t seed) : settings_(s), random_(seed) {}

std::size_t member_world::index_of(const udp_address& a) {
  return (std::size_t{a.ip[14]} << 8) | a.ip[15];
}

std::size_t member_world::index_of(const node_id& id) {
  return (std::size_t{id.bytes[14]} << 8) | id.bytes[15];
}

// The high half is scrambled, so that the order of ids says nothing.
node_id member_world::id_of(std::size_t i) {
  return node_id::from(random_source{i}.bits(), i);
}

std::size_t member_world::add() {
  const auto i = nodes.size();
  auto& n = nodes.emplace_back();
  n.where = udp_of(i);
  constexpr std::uint64_t wall = 1'700'000'000'000;
  const identity who{id_of(i),
                     wall + static_cast<std::uint64_t>(now / std::chrono::milliseconds{1}),
                     wall + static_cast<std::uint64_t>(now / std::chrono::milliseconds{1}),
                     session_id{random_.bits()},
                     address_of(i),
                     "n" + std::to_string(i),
                     ""};
  n.core = std::make_unique<swim>(settings_, who, secret_, std::vector{address_of(0)},
                                  random_.bits(), now);
  n.guard.emplace(who.session, 2 * settings_.max_members);
  n.core->start(now, n.where);
  perform(i);
  return i;
}

void member_world::add_whole(std::size_t count) {
  for (std::size_t k = 0; k < count; ++k)
    add();
  // Two rounds of exchanges with the first: it learns of all, then all learn of all.
  for (int round = 0; round < 2; ++round)
    for (std::size_t i = 1; i < nodes.size(); ++i) {
      auto& core = *nodes[i].core;
      core.call_on(now, address_of(0));
      // Until nothing is asked any more: the first answer is a challenge.
      while (!core.out().calls.empty()) {
        const auto c = core.out().calls.front();
        bool reached = false;
        static_cast<void>(core.call_answered(now, c.token, answer(0, c, reached).value()));
      }
      perform(i);
    }
}

std::optional<std::string> member_world::answer(std::size_t i, const membership::call& c,
                                                bool& reached) {
  const auto admission = nodes[i].guard->admit(c.content);
  if (const auto* other = std::get_if<wire::call_guard::challenged>(&admission))
    return other->answer;
  const auto* admitted = std::get_if<wire::call_guard::admitted>(&admission);
  if (admitted == nullptr)
    return std::nullopt;
  reached = true;
  auto answered = nodes[i].core->answer(now, c.kind, admitted->content);
  auto* bytes = std::get_if<std::string>(&answered);
  return bytes == nullptr ? std::nullopt : std::optional{std::move(*bytes)};
}

void member_world::run_until(duration end) {
  while (!events_.empty() && events_.top().when <= end) {
    const auto next = events_.top();
    events_.pop();
    now = next.when;
    happen(next);
  }
  now = end;
}

void member_world::unblock_io(std::size_t i) {
  auto& n = nodes[i];
  n.io_blocked = false;
  for (const auto& [to, bytes] : std::exchange(n.held_out, {}))
    send(i, to, bytes);
  for (auto& c : std::exchange(n.held_calls, {}))
    request(i, std::move(c));
  for (const auto held : std::exchange(n.held_in, {}))
    take(i, held);
}

void member_world::go_on(std::size_t i) {
  auto& n = nodes[i];
  n.is_stopped = false;
  for (const auto held : std::exchange(n.held_in, {}))
    take(i, held);
  n.core->tick(now);
  perform(i);
}

bool member_world::is_whole() const {
  const node* first = nullptr;
  std::size_t up = 0;
  for (const auto& n : nodes)
    up += n.is_up ? 1 : 0;
  for (const auto& n : nodes) {
    if (!n.is_up)
      continue;
    if (first == nullptr)
      first = &n;
    if (n.core->live_members() != up || n.core->table().digest() != first->core->table().digest())
      return false;
  }
  return true;
}

void member_world::perform(std::size_t i) {
  auto& n = nodes[i];
  const auto& out = n.core->out();
  if (heard)
    for (const auto& e : out.events)
      heard(i, e);
  for (std::size_t k = 0; k < out.packets(); ++k) {
    const auto p = out.packet_at(k);
    if (n.io_blocked)
      n.held_out.emplace_back(p.to, std::string{p.bytes});
    else
      send(i, p.to, p.bytes);
  }
  for (const auto& c : out.calls) {
    if (n.io_blocked)
      n.held_calls.push_back(c);
    else
      request(i, c);
  }
  for (const auto& name : std::vector{out.lookups}) { // every name is an address here
    n.core->found(now, name, {name});
    perform(i);
  }
  schedule(i);
}

void member_world::schedule(std::size_t i) {
  auto& n = nodes[i];
  const auto next = n.core->next_tick();
  if (!next || (n.scheduled >= now && n.scheduled <= *next))
    return;
  n.scheduled = std::max(*next, now);
  push(n.scheduled - now, kind::tick, i, 0);
}

void member_world::send(std::size_t from, const udp_address& to, std::string_view bytes) {
  ++datagrams;
  const auto target = index_of(to);
  if (spy)
    spy(from, target, bytes);
  if (target >= nodes.size() || (loss > 0 && random_.chance(loss)) || (cut && cut(from, target)))
    return;
  const auto it = new_item();
  items_[it].from = from;
  items_[it].bytes = bytes;
  push(random_.between(flight_min, flight_max), kind::datagram, target, it);
}

void member_world::request(std::size_t from, call c) {
  const auto to = index_of_address(c.address);
  const auto it = new_item();
  items_[it].from = from;
  items_[it].call = std::move(c);
  items_[it].failed = to >= nodes.size() || !nodes[to].is_up || (cut && cut(from, to));
  if (items_[it].failed)
    push(call_timeout, kind::answer, from, it);
  else
    push(2 * flight_max, kind::request, to, it);
}

void member_world::push(duration after, kind is, std::size_t to, std::size_t it) {
  events_.push({now + after, ++scheduled_, is, to, it});
}

std::size_t member_world::new_item() {
  if (free_items_.empty()) {
    items_.emplace_back();
    return items_.size() - 1;
  }
  const auto it = free_items_.back();
  free_items_.pop_back();
  items_[it].failed = false;
  return it;
}

void member_world::happen(const happening& h) {
  auto& n = nodes[h.to];
  if (h.is == kind::tick) {
    if (!n.is_up || n.is_stopped || n.scheduled != h.when)
      return;
    n.scheduled = duration{-1};
    n.core->tick(now);
    perform(h.to);
    return;
  }
  if (!n.is_up) {
    free_items_.push_back(h.item);
    return;
  }
  if (n.io_blocked || n.is_stopped) {
    n.held_in.push_back(h.item * 4 + static_cast<std::size_t>(h.is));
    return;
  }
  take(h.to, h.item * 4 + static_cast<std::size_t>(h.is));
}

void member_world::take(std::size_t to, std::size_t tagged) {
  auto& n = nodes[to];
  const auto is = static_cast<kind>(tagged % 4);
  const auto it = tagged / 4;
  switch (is) {
  case kind::tick:
    break;
  case kind::datagram:
    n.core->receive(now, nodes[items_[it].from].where, items_[it].bytes);
    free_items_.push_back(it);
    perform(to);
    break;
  case kind::request: {
    bool reached = false;
    auto bytes = answer(to, items_[it].call, reached);
    items_[it].failed = !bytes;
    if (bytes)
      items_[it].bytes = std::move(*bytes);
    if (reached)
      perform(to);
    push(2 * flight_max, kind::answer, items_[it].from, it);
    break;
  }
  case kind::answer: {
    const auto token = items_[it].call.token;
    if (items_[it].failed)
      n.core->call_failed(now, token);
    else
      static_cast<void>(n.core->call_answered(now, token, items_[it].bytes));
    free_items_.push_back(it);
    perform(to);
    break;
  }
  }
}

} // namespace starling::bench
