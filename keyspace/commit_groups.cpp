#include "keyspace/commit_groups.hpp"

#include "storage/tally_rows.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace starling::keyspace {

void commit_groups::add(commit_ticket who, storage::batch change, bool is_own,
                        commit_effects& out) {
  if (failure_)
    return answer_all({who}, failure_, out);
  waiting_.push_back(std::move(change));
  waiting_tickets_.push_back(who);
  own_waiting_ += is_own ? 1 : 0;
  if (stage_ == stage::idle || (stage_ == stage::waiting && --missing_ == 0))
    begin_to_gather(stage::gathering, out);
}

void commit_groups::note(storage::batch change) {
  if (!failure_)
    notes_.push_back(std::move(change));
}

void commit_groups::begin_to_gather(stage s, commit_effects& out) {
  stage_ = s;
  out.push_back(gather{});
}

void commit_groups::gathered(commit_effects& out) {
  if (stage_ == stage::catching_up) {
    stage_ = stage::waiting;
    out.push_back(wait{++last_wait_, last_took_ / wait_divisor});
  } else if (stage_ == stage::gathering) {
    write(out);
  }
}

void commit_groups::waited(std::uint64_t number, commit_effects& out) {
  if (stage_ == stage::waiting && number == last_wait_)
    write(out);
}

void commit_groups::write(commit_effects& out) {
  stage_ = stage::idle;
  if (waiting_.empty())
    return;
  stage_ = stage::writing;
  auto batches = std::exchange(waiting_, {});
  group_ = std::exchange(waiting_tickets_, {});
  own_in_group_ = std::exchange(own_waiting_, 0);
  std::ranges::move(std::exchange(notes_, {}), std::back_inserter(batches));
  if (own_in_group_ > 0)
    storage::put_own_changes(batches.emplace_back(), own_changes_ + own_in_group_);
  out.push_back(write_group{std::move(batches), group_, synced_});
}

/// The look at what has come begins before anybody is answered: what those who are answered send
/// next is behind it.
void commit_groups::written(std::chrono::nanoseconds took, commit_effects& out) {
  own_changes_ += std::exchange(own_in_group_, 0);
  last_took_ = took;
  stage_ = stage::idle;
  if (synced_ && took >= slow_commit) {
    missing_ = group_.size();
    begin_to_gather(stage::catching_up, out);
  } else if (!waiting_.empty()) {
    begin_to_gather(stage::gathering, out);
  }
  answer_all(std::exchange(group_, {}), std::nullopt, out);
}

void commit_groups::failed(const failure& why, bool may_be_there, commit_effects& out) {
  own_in_group_ = 0;
  stage_ = stage::idle;
  auto group = std::exchange(group_, {});
  const auto told = may_be_there ? failure{reason::write_unknown, why.what} : why;
  answer_all(std::move(group), told, out);
  give_up(why, out);
}

void commit_groups::give_up(const failure& why, commit_effects& out) {
  if (!failure_)
    failure_ = why;
  waiting_.clear();
  notes_.clear();
  own_waiting_ = 0;
  if (!waiting_tickets_.empty())
    answer_all(std::exchange(waiting_tickets_, {}), failure_, out);
}

void commit_groups::answer_all(std::vector<commit_ticket> to, std::optional<failure> why,
                               commit_effects& out) {
  out.push_back(answer_changes{std::move(to), own_changes_, std::move(why)});
}

} // namespace starling::keyspace
