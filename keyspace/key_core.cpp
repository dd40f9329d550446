#include "keyspace/key_core.hpp"

#include "storage/identity.hpp"

#include <utility>

namespace starling::keyspace {

namespace {

failure to_failure(crdt::refusal why) {
  switch (why) {
  case crdt::refusal::counter_range:
    return {reason::counter_range};
  case crdt::refusal::exhausted:
    return {reason::exhausted};
  }
  return {reason::exhausted};
}

} // namespace

key_core::key_core(crdt::key key, const key_settings& settings, const crdt::replica_id& self)
    : key_(std::move(key)), settings_(&settings), self_(self) {
  if (!settings.has_disk)
    value_.emplace(key_);
}

key_core::key_core(storage::held_value value, const key_settings& settings,
                   const crdt::replica_id& self)
    : key_(value.key()), settings_(&settings), self_(self), value_(std::move(value)) {}

// -- one request after the other --

bool key_core::step(effects& out) {
  if (is_busy() || waiting_.empty())
    return false;
  if (!value_) {
    is_loading_ = true;
    out.push_back(load_value{});
    return true;
  }
  if (auto wanted = lacks_for_first(); !wanted.empty()) {
    is_loading_ = true;
    out.push_back(load_rows{std::move(wanted)});
    return true;
  }
  has_rows_ = false;
  auto first = waiting_.pop();
  std::visit([&](auto& r) { perform(r, out); }, first);
  return true;
}

const request* key_core::next() const {
  if (is_busy() || waiting_.empty() || !value_)
    return nullptr;
  return lacks_for_first().empty() ? &waiting_.front() : nullptr;
}

storage::wanted_rows key_core::lacks_for_first() const {
  if (has_rows_)
    return {};
  return std::visit([this](const auto& r) { return lacks(r); }, waiting_.front());
}

storage::wanted_rows key_core::lacks(const write_request& w) const {
  return value_->lacks(w.what, self_);
}

storage::wanted_rows key_core::lacks(const read_request& r) const {
  const auto* one = std::get_if<crdt::one_member>(&r.what);
  return one != nullptr ? value_->lacks(*one) : storage::wanted_rows{};
}

storage::wanted_rows key_core::lacks(const join_request& j) const {
  return value_->lacks(j.part);
}

// -- loading --

void key_core::loaded(std::optional<storage::held_value> kept) {
  is_loading_ = false;
  value_ = kept ? std::move(*kept) : storage::held_value{key_};
}

void key_core::loaded_rows(storage::some_rows rows) {
  is_loading_ = false;
  if (std::exchange(is_outdated_, false))
    return; // all is loaded anew
  value_->add_rows(rows.asked, std::move(rows.rows));
  has_rows_ = true;
}

/// The request that needed it fails; the next one tries again.
void key_core::could_not_read(const failure& why, effects& out) {
  is_loading_ = is_outdated_ = false;
  const auto first = waiting_.pop();
  out.push_back(answer{std::visit([](const auto& r) { return r.from; }, first), why});
}

// -- doing it --

wire::result<crdt::view, failure> key_core::write_now(const crdt::command& what,
                                                      crdt::lww_register::stamp now, effects& out) {
  if (crdt::can_grow(what) && value_->footprint() > settings_->value_bytes_max)
    return failure{reason::value_too_large};
  const bool is_digested = crdt::has_rows(key_.type);
  auto outcome = is_digested ? value_->apply(what, self_, now, settings_->digests)
                             : value_->apply_undigested(what, self_, now);
  if (const auto* why = std::get_if<crdt::refusal>(&outcome))
    return to_failure(*why);
  if (auto& delta = std::get<std::optional<crdt::value>>(outcome))
    add_news(*delta, {}, std::nullopt, out); // the digest is made when they are told
  return value_->view(what);
}

void key_core::perform(write_request& w, effects& out) {
  if (!settings_->has_disk) {
    auto done = write_now(w.what, w.now, out);
    return std::visit([&](auto& what) { out.push_back(answer{w.from, std::move(what)}); }, done);
  }
  if (crdt::can_grow(w.what) && value_->footprint() > settings_->value_bytes_max)
    return out.push_back(answer{w.from, failure{reason::value_too_large}});
  storage::batch changed;
  auto outcome = value_->apply(w.what, self_, w.now, settings_->digests, &changed);
  if (const auto* why = std::get_if<crdt::refusal>(&outcome))
    return out.push_back(answer{w.from, to_failure(*why)});
  auto& delta = std::get<std::optional<crdt::value>>(outcome);
  written done{value_->view(w.what), std::nullopt, self_};
  if (delta) {
    done.news = novelty{std::move(*delta), value_->digest()};
    commit(std::move(changed), w.from, out);
  } // else it may be told all the same by what is not committed yet
  when_committed({last_commit_, w.from, std::move(done)}, out);
}

void key_core::perform(read_request& r, effects& out) {
  const bool is_here = value_->is_whole() || std::holds_alternative<crdt::one_member>(r.what);
  if (is_here && value_->empty())
    return out.push_back(answer{r.from, failure{reason::no_such_key}});
  shown what{r.what, std::nullopt};
  if (is_here)
    what.seen = value_->view(r.what);
  when_committed({last_commit_, r.from, std::move(what)}, out);
}

/// The news are told with the digest from before.
joined_elements key_core::join_now(const crdt::value& part,
                                   const std::optional<replication::session_id>& sender,
                                   effects& out) {
  tell_news(out);
  auto news = value_->join(part, settings_->digests);
  if (!news)
    return {};
  const auto elements = news->elements();
  out.push_back(spread{novelty{std::move(*news), value_->digest(), std::nullopt, sender}});
  return {elements};
}

void key_core::perform(join_request& j, effects& out) {
  if (!settings_->has_disk) {
    const auto brought = join_now(j.part, j.sender, out);
    return out.push_back(answer{j.from, brought});
  }
  storage::batch changed;
  auto part = value_->join(j.part, settings_->digests, &changed);
  const bool is_news = part.has_value();
  // Events that we numbered are not here any more, so their numbers might be used again. Nothing is
  // done until there is another id to number events under.
  if (is_news && storage::shows_lost_events(*part, *value_, self_)) {
    is_renewing_ = true;
    out.push_back(renew_replica{self_});
  }
  if (is_news)
    commit(std::move(changed), std::nullopt, out);
  joined done;
  if (is_news)
    done.news = novelty{std::move(*part), value_->digest(), std::nullopt, j.sender};
  // Else what the peer sent may be part of what is not committed yet.
  when_committed({last_commit_, j.from, std::move(done)}, out);
}

void key_core::perform(state_request& s, effects& out) {
  encoded what;
  if (value_->is_whole())
    what.state = value_->empty() ? std::string{} : value_->value().encode();
  when_committed({last_commit_, s.from, std::move(what)}, out);
}

// -- the replica id --

void key_core::renewed(const std::optional<crdt::replica_id>& id) {
  is_renewing_ = false;
  if (id) // else nothing can be written any more
    self_ = *id;
}

// -- the disk --

void key_core::commit(storage::batch changed, std::optional<ticket> writer, effects& out) {
  out.push_back(commit_change{++last_commit_, std::move(changed), writer});
}

/// Tells somebody once all changes so far are committed, or one of them cannot be.
void key_core::when_committed(waiter w, effects& out) {
  if (committing() == 0)
    tell(w, 0, out);
  else
    waiters_.push(std::move(w));
}

void key_core::committed(std::uint64_t number, std::uint64_t own_changes, effects& out) {
  if (number <= done_commit_)
    return; // it was given up when one before it failed
  done_commit_ = number;
  while (!waiters_.empty() && waiters_.front().commit <= number) {
    auto first = waiters_.pop();
    tell(first, own_changes, out);
  }
  if (committing() == 0 && !is_busy() && value_->bytes() > settings_->whole_bytes)
    value_->let_go();
}

/// A change could not be committed, and none after it can: what is in memory is no longer true.
void key_core::not_committed(std::uint64_t number, const failure& why, effects& out) {
  if (number <= done_commit_)
    return;
  done_commit_ = last_commit_;
  value_.reset();
  has_rows_ = false;
  is_outdated_ = is_loading_;
  while (!waiters_.empty()) {
    auto first = waiters_.pop();
    tell_of_failure(first, why, out);
  }
}

// -- news --

/// Deltas of a value with rows are larger, and mostly have nothing in common.
void key_core::add_news(crdt::value& delta, const replication::digest& now,
                        const std::optional<replication::tally>& counted, effects& out) {
  const bool is_of_other_id =
      news_ && counted && news_->counted && news_->counted->replica != counted->replica;
  if (is_of_other_id)
    tell_news(out);
  if (news_) {
    delta.join(news_->part); // mostly it has all of that already
    news_->part = std::move(delta);
    news_->now = now;
    news_->counted = counted;
    return;
  }
  news_ = std::make_unique<novelty>(novelty{std::move(delta), now, counted});
  if (crdt::has_rows(key_.type))
    tell_news(out);
  else
    out.push_back(has_news{});
}

void key_core::tell_news(effects& out) {
  if (!news_)
    return;
  if (!settings_->has_disk)
    news_->now = value_->renewed_digest(settings_->digests);
  out.push_back(spread{std::move(*news_)});
  news_.reset();
}

void key_core::tell(waiter& w, std::uint64_t own_changes, effects& out) {
  struct teller {
    key_core& core;
    ticket who;
    std::uint64_t own_changes;
    effects& out;

    void operator()(written& done) const {
      if (done.news)
        core.add_news(done.news->part, done.news->now, replication::tally{done.by, own_changes},
                      out);
      out.push_back(answer{who, std::move(done.seen)});
    }
    void operator()(shown& read) const {
      if (read.seen)
        out.push_back(answer{who, std::move(*read.seen)});
      else
        out.push_back(read_from_disk{who, std::move(read.what)});
    }
    void operator()(joined& part) const {
      joined_elements brought;
      if (part.news) {
        core.tell_news(out);
        brought.number = part.news->part.elements();
        out.push_back(spread{std::move(*part.news)});
      }
      out.push_back(answer{who, brought});
    }
    void operator()(encoded& read) const {
      core.tell_news(out);
      if (read.state)
        out.push_back(answer{who, std::move(*read.state)});
      else
        out.push_back(read_from_disk{who, std::nullopt});
    }
  };
  std::visit(teller{*this, w.who, own_changes, out}, w.what);
}

/// Whoever changed something is told that it failed; whoever only reads tries again.
void key_core::tell_of_failure(waiter& w, const failure& why, effects& out) {
  if (auto* read = std::get_if<shown>(&w.what))
    add(read_request{w.who, std::move(read->what)});
  else if (std::holds_alternative<encoded>(w.what))
    add(state_request{w.who});
  else
    out.push_back(answer{w.who, why});
}

} // namespace starling::keyspace
