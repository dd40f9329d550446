#include "membership/joiner.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <utility>

namespace starling::membership {

namespace {

void bring_forward(std::optional<joiner::duration>& due, joiner::duration when) {
  due = due ? std::min(*due, when) : when;
}

} // namespace

std::string_view to_string(reachability r) {
  switch (r) {
  case reachability::joining:
    return "joining";
  case reachability::alive:
    return "alive";
  case reachability::unreachable:
    return "unreachable";
  }
  return "unknown";
}

joiner::joiner(const member& self, join_options options, std::uint64_t random_seed, duration now)
    : options_(std::move(options)), address_(self.address), random_state_(random_seed) {
  assert(is_valid(self));
  assert(options_.backoff_min.count() > 0 && options_.backoff_min <= options_.backoff_max);
  assert(options_.sync_interval.count() > 0);
  assert(options_.max_members >= 1 && options_.max_members <= members_max);
  table_.join(self);
  for (const auto& seed : options_.seeds) {
    if (seed == address_)
      continue;
    unreached_seeds_.insert(seed);
    contacts_[seed].due = now;
  }
  plan_round(now);
}

join_effects joiner::tick(duration now) {
  if (now >= next_round_)
    start_round(now);
  return start_due(now, {});
}

joiner::duration joiner::next_tick() const {
  auto next = next_round_;
  if (in_flight_ == in_flight_max)
    return next;
  for (const auto& [address, wanted] : contacts_)
    if (wanted.due && !wanted.in_flight)
      next = std::min(next, *wanted.due);
  return next;
}

join_effects joiner::received(const announcement& said, duration now) {
  if (same_session(said.sender, self()))
    return start_due(now, {}); // our own push to a seed that is ourselves
  // Our answer introduces us, so no push to the sender is needed any more.
  if (const auto found = contacts_.find(said.sender.address); found != contacts_.end())
    found->second.due.reset();
  unreached_seeds_.erase(said.sender.address);
  auto out = join_all(said, now);
  forget_stray(said.sender.address);
  return start_due(now, std::move(out));
}

join_effects joiner::synced(std::string_view address, const announcement& said, duration now) {
  auto& asked = landed(address);
  asked.failures = 0;
  unreached_seeds_.erase(std::string{address});
  join_effects out;
  if (same_session(said.sender, self())) {
    asked.due.reset();
    asked.state = reachability::unreachable; // if there is a record: its process is not there
    own_spellings_.emplace(address);
  } else {
    if (said.sender.address != address)
      asked.state = reachability::unreachable;
    unreached_seeds_.erase(said.sender.address);
    out = join_all(said, now);
  }
  forget_stray(address);
  return start_due(now, std::move(out));
}

join_effects joiner::sync_failed(std::string_view address, duration now) {
  auto& asked = landed(address);
  asked.state = reachability::unreachable;
  ++asked.failures;
  if (unreached_seeds_.contains(address))
    bring_forward(asked.due, now + backoff(asked.failures));
  forget_stray(address);
  return start_due(now, {});
}

join_effects joiner::call_on(std::string_view address, duration now) {
  const bool known = contacts_.contains(address);
  const bool has_room = contacts_.size() < options_.max_members + options_.seeds.size();
  if (address == address_ || own_spellings_.contains(address) || (!known && !has_room) ||
      !parse_endpoint(address))
    return start_due(now, {});
  auto& wanted = contacts_[std::string{address}];
  const auto earliest = wanted.last_start ? *wanted.last_start + options_.backoff_min : now;
  bring_forward(wanted.due, std::max(now, earliest));
  return start_due(now, {});
}

void joiner::contacted(std::string_view address, const session_id& session) {
  const auto* peer = find_peer(address);
  if (peer != nullptr && peer->session == session)
    contacts_.find(address)->second.state = reachability::alive;
}

void joiner::unreachable(std::string_view address) {
  if (find_peer(address) != nullptr)
    contacts_.find(address)->second.state = reachability::unreachable;
}

announcement joiner::announce() const {
  announcement result{self(), {}};
  result.others.reserve(table_.size() - 1);
  for (const auto& [address, record] : table_.records())
    if (address != address_)
      result.others.push_back(record);
  return result;
}

std::vector<peer_status> joiner::peers() const {
  std::vector<peer_status> result;
  for (const auto& [address, record] : table_.records())
    if (address != address_)
      result.push_back({record, contacts_.find(address)->second.state});
  return result;
}

const member* joiner::find_peer(std::string_view address) const {
  return address == address_ ? nullptr : table_.find(address);
}

std::vector<std::string> joiner::unreached_seeds() const {
  return {unreached_seeds_.begin(), unreached_seeds_.end()};
}

bool joiner::has_joined() const {
  return unreached_seeds_.empty() || std::ranges::any_of(options_.seeds, [this](const auto& seed) {
           return seed != address_ && !own_spellings_.contains(seed) &&
                  !unreached_seeds_.contains(seed);
         });
}

join_effects joiner::join_all(const announcement& said, duration now) {
  join_effects out;
  join_one(said.sender, true, now, out);
  for (const auto& record : said.others)
    join_one(record, false, now, out);
  return out;
}

void joiner::join_one(const member& record, bool first_hand, duration now, join_effects& out) {
  if (record.address == address_) {
    defend_address(record, now, out);
    return;
  }
  if (record.node == self().node)
    return; // we live in one place
  const auto* known = table_.find(record.address);
  if (known == nullptr && table_.size() >= options_.max_members) {
    ++ignored_records_;
    return;
  }
  const bool new_session =
      (known == nullptr || !same_session(*known, record)) && (known == nullptr || *known < record);
  table_.join(record);
  auto& peer = contacts_[record.address];
  if (new_session) {
    out.emplace_back(peer_changed{record});
    spread_news(now);
    peer.state = reachability::joining;
    if (!first_hand)
      bring_forward(peer.due, now);
  }
  if (first_hand && same_session(*table_.find(record.address), record))
    peer.state = reachability::alive;
}

void joiner::defend_address(const member& rival, duration now, join_effects& out) {
  if (rival <= self())
    return;
  auto raised = self();
  raised.generation = std::min(rival.generation + 1, generation_max);
  if (table_.join(raised)) {
    const auto when = now + (raises_ == 0 ? duration{0} : backoff(raises_));
    ++raises_;
    for (auto& [address, peer] : contacts_)
      if (table_.find(address) != nullptr)
        bring_forward(peer.due, when);
  }
  out.emplace_back(address_conflict{rival, self()});
}

join_effects joiner::start_due(duration now, join_effects out) {
  std::vector<std::pair<duration, std::string_view>> due;
  for (const auto& [address, wanted] : contacts_)
    if (wanted.due && *wanted.due <= now && !wanted.in_flight)
      due.emplace_back(*wanted.due, address);
  std::ranges::sort(due);
  for (const auto& [when, address] : due) {
    if (in_flight_ == in_flight_max)
      break;
    auto& started = contacts_.find(address)->second;
    started.due.reset();
    started.in_flight = true;
    started.last_start = now;
    ++in_flight_;
    out.emplace_back(push_pull{std::string{address}});
  }
  return out;
}

joiner::contact& joiner::landed(std::string_view address) {
  const auto found = contacts_.find(address);
  assert(found != contacts_.end() && found->second.in_flight);
  found->second.in_flight = false;
  --in_flight_;
  return found->second;
}

void joiner::spread_news(duration now) {
  // A rumour that everyone passes on reaches everyone in about log2(n) rounds (Demers et al.,
  // Epidemic Algorithms, 1.4); a few more make misses rare.
  const bool is_resting = rumour_rounds_ == 0;
  rumour_rounds_ = static_cast<unsigned>(std::bit_width(table_.size())) + 2;
  if (is_resting)
    plan_round(now);
}

void joiner::plan_round(duration now) {
  const auto low = rumour_rounds_ > 0 ? options_.backoff_min : options_.sync_interval / 2;
  const auto high = rumour_rounds_ > 0 ? 2 * options_.backoff_min : 3 * options_.sync_interval / 2;
  next_round_ = now + random_between(low, high);
}

void joiner::start_round(duration now) {
  // Seeds too, under their own spelling, and in slow rounds even those that led to ourselves: a
  // name may lead to another process than it used to.
  std::vector<contact*> candidates;
  for (auto& [address, one] : contacts_)
    if (!one.in_flight && (rumour_rounds_ == 0 || !own_spellings_.contains(address)))
      candidates.push_back(&one);
  if (!candidates.empty())
    bring_forward(candidates[random() % candidates.size()]->due, now);
  rumour_rounds_ -= rumour_rounds_ > 0 ? 1 : 0;
  plan_round(now);
}

void joiner::forget_stray(std::string_view address) {
  const auto found = contacts_.find(address);
  if (found == contacts_.end() || found->second.due || found->second.in_flight)
    return;
  const bool is_seed = std::ranges::find(options_.seeds, address) != options_.seeds.end();
  if (!is_seed && table_.find(address) == nullptr)
    contacts_.erase(found);
}

std::uint64_t joiner::random() {
  // SplitMix64 (Steele, Lea, Flood, Fast Splittable Pseudorandom Number Generators, 2014).
  random_state_ += 0x9e3779b97f4a7c15;
  auto x = random_state_;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

joiner::duration joiner::random_between(duration low, duration high) {
  const auto width = static_cast<std::uint64_t>((high - low).count()) + 1;
  return low + duration{static_cast<duration::rep>(random() % width)};
}

joiner::duration joiner::backoff(std::uint32_t failures) {
  auto ceiling = options_.backoff_min;
  for (std::uint32_t i = 0; i < failures && ceiling < options_.backoff_max; ++i)
    ceiling *= 2;
  return random_between(options_.backoff_min, std::min(ceiling, options_.backoff_max));
}

} // namespace starling::membership
