#include "tests/sim/cluster/keeper.hpp"

#include "storage/reading.hpp"

#include <algorithm>

namespace starling::simulation {

namespace {

/// Whether a set knows that an event is over.
bool is_removed(const crdt::or_set& set, const crdt::payload& member, const crdt::dot& event) {
  if (set.seen().contains(event))
    return !is_live(set, member, event);
  const auto found = set.clocks().find(member);
  return found != set.clocks().end() && std::ranges::any_of(found->second, [&](const auto& e) {
           return e.replica == event.replica && e.number >= event.number;
         });
}

} // namespace

keeper::keeper(crdt::key key, const surroundings& around) : key_(std::move(key)), around_(around) {
  if (!around_.has_disk)
    value_.emplace(key_);
}

void keeper::write(std::shared_ptr<operation> what, told then) {
  take(written{std::move(what), std::move(then)});
}

void keeper::join(const crdt::value& part, told then) {
  take(arrival{part, std::move(then)});
}

void keeper::read(std::optional<crdt::payload> member, shown then) {
  take(query{std::move(member), std::move(then)});
}

void keeper::read_state(encoded then) {
  take(state_query{std::move(then)});
}

// -- one after the other --

void keeper::take(job what) {
  if (is_loading_)
    waiting_.push_back(std::move(what));
  else
    start(std::move(what));
}

void keeper::start(job what) {
  if (!value_)
    return load(std::move(what));
  if (const auto wanted = std::visit([this](const auto& j) { return lacks(j); }, what);
      !wanted.empty())
    return load_rows(std::move(what), wanted);
  std::visit([this](auto& j) { perform(j); }, what);
}

void keeper::go_on() {
  is_loading_ = false;
  while (!is_loading_ && !waiting_.empty()) {
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    start(std::move(next));
  }
}

void keeper::load(job what) {
  is_loading_ = true;
  around_.read([this, what](const storage::moment& at) {
    auto read = storage::read_value(at, key_, around_.whole_bytes, around_.digests);
    if (const auto* why = std::get_if<storage::failure>(&read))
      around_.complain("R3", why->what);
    auto* kept = std::get_if<std::optional<storage::held_value>>(&read);
    return [this, what,
            loaded = kept != nullptr && *kept ? std::move(**kept) : storage::held_value{key_}] {
      value_ = loaded;
      start_and_go_on(what);
    };
  });
}

void keeper::load_rows(job what, const storage::wanted_rows& wanted) {
  is_loading_ = true;
  around_.read([this, what, wanted, life = life_](const storage::moment& at) {
    auto read = storage::read_rows(at, key_, wanted);
    if (const auto* why = std::get_if<storage::failure>(&read))
      around_.complain("R3", why->what);
    const auto* rows = std::get_if<storage::some_rows>(&read);
    return [this, what, life, some = rows != nullptr ? *rows : storage::some_rows{}]() mutable {
      if (life != life_)
        return start_and_go_on(what);
      value_->take(some.asked, std::move(some.clocks));
      std::visit([this](auto& j) { perform(j); }, what);
      go_on();
    };
  });
}

void keeper::start_and_go_on(job what) {
  is_loading_ = false;
  start(std::move(what));
  if (!is_loading_)
    go_on();
}

storage::wanted_rows keeper::lacks(const written& w) const {
  return value_->lacks(w.what->what, around_.self);
}

storage::wanted_rows keeper::lacks(const query& q) const {
  return q.member ? value_->lacks(crdt::one_member{*q.member}) : storage::wanted_rows{};
}

storage::wanted_rows keeper::lacks(const arrival& a) const {
  return value_->lacks(a.part);
}

// -- doing it --

void keeper::perform(written& w) {
  auto& op = *w.what;
  op.by = around_.self; // it may have another id since the request came
  op.before = value_->value();
  storage::batch changed;
  auto outcome = value_->apply(op.what, around_.self, around_.wall(), around_.digests,
                               around_.has_disk ? &changed : nullptr);
  auto* delta = std::get_if<std::optional<crdt::value>>(&outcome);
  if (delta == nullptr)
    return w.then(nullptr); // refused
  op.delta = delta->value_or(crdt::value{key_.type});
  const novelty news{*delta, value_->digest()};
  if (!*delta)
    return when_committed([this, w, news](bool is_committed) {
      if (is_committed)
        around_.past.note(*w.what);
      w.then(is_committed ? &news : nullptr);
    });
  commit(std::move(changed), w.what,
         [w, news](bool is_committed) { w.then(is_committed ? &news : nullptr); });
}

void keeper::perform(query& q) {
  if (!value_->is_whole() && !q.member)
    return when_committed([this, then = q.then](bool is_committed) {
      if (!is_committed)
        return then(nullptr);
      read_all([then](const crdt::value& all) { then(&all); });
    });
  when_committed([then = q.then, value = value_->value()](bool is_committed) {
    then(is_committed ? &value : nullptr);
  });
}

void keeper::perform(arrival& a) {
  storage::batch changed;
  auto part = join_and_check(a.part, around_.has_disk ? &changed : nullptr);
  const bool is_news = part.has_value();
  auto answer = [then = a.then, news = novelty{std::move(part), value_->digest()}](
                    bool is_committed) { then(is_committed ? &news : nullptr); };
  if (is_news)
    commit(std::move(changed), nullptr, std::move(answer));
  else
    when_committed(std::move(answer)); // what the peer sent may be part of what is not yet
}

std::optional<crdt::value> keeper::join_and_check(const crdt::value& part,
                                                  storage::batch* changed) {
  if (key_.type != crdt::type::set)
    return value_->join(part, around_.digests, changed);
  std::vector<std::pair<crdt::payload, crdt::dot>> removed;
  const auto& set = value_->value().as<crdt::or_set>();
  for (const auto& [member, clock] : part.as<crdt::or_set>().clocks())
    for (const auto& e : clock)
      if (e.live && is_removed(set, member, {e.replica, e.number}))
        removed.emplace_back(member, crdt::dot{e.replica, e.number});
  auto news = value_->join(part, around_.digests, changed);
  for (const auto& [member, event] : removed) {
    around_.log.weigh("R2");
    if (is_live(set, member, event))
      around_.complain("R2", to_text(key_) + ": what was removed came back");
  }
  return news;
}

void keeper::perform(state_query& q) {
  if (!value_->is_whole())
    return when_committed([this, then = q.then](bool is_committed) {
      if (!is_committed)
        return then(nullptr);
      read_all([then](const crdt::value& all) {
        const auto bytes = all.empty() ? std::string{} : all.encode();
        then(&bytes);
      });
    });
  when_committed(
      [then = q.then, bytes = value_->empty() ? std::string{} : value_->value().encode()](
          bool is_committed) { then(is_committed ? &bytes : nullptr); });
}

/// Reads all of a value that is held in parts.
void keeper::read_all(std::function<void(const crdt::value&)> then) {
  // The keeper may be gone by then.
  around_.read([key = key_, &around = around_, then](const storage::moment& at) {
    const auto read = storage::read_value(at, key, UINT64_MAX, around.digests);
    if (const auto* why = std::get_if<storage::failure>(&read))
      around.complain("R3", why->what);
    const auto* kept = std::get_if<std::optional<storage::held_value>>(&read);
    return [then, all = kept != nullptr && *kept ? (*kept)->value() : crdt::value{key.type}] {
      then(all);
    };
  });
}

// -- the disk --

/// Calls `then` once all changes so far are committed, or one of them cannot be.
void keeper::when_committed(finish then) {
  if (committing_.empty())
    then(true);
  else
    committing_.back().push_back(std::move(then));
}

void keeper::commit(storage::batch changed, std::shared_ptr<operation> what, finish then) {
  if (!around_.has_disk)
    return around_.commit({}, std::move(what), std::move(then));
  committing_.emplace_back().push_back(std::move(then));
  around_.commit(std::move(changed), std::move(what), [this, life = life_](bool is_committed) {
    is_committed ? committed(life) : lost(life);
  });
}

void keeper::committed(std::uint64_t life) {
  if (life != life_)
    return;
  const auto waited = std::move(committing_.front());
  committing_.pop_front();
  for (const auto& then : waited)
    then(true);
  if (committing_.empty() && !is_loading_ && value_->bytes() > around_.whole_bytes)
    value_->let_go();
}

/// A change could not be committed, and none after it can: what is in memory is no longer true.
void keeper::lost(std::uint64_t life) {
  if (life != life_)
    return;
  ++life_;
  value_.reset();
  for (const auto& changes : std::exchange(committing_, {}))
    for (const auto& then : changes)
      then(false);
}

} // namespace starling::simulation
