#include "tests/sim/cluster/committer.hpp"

#include "storage/tally_rows.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace starling::simulation {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr duration fastest_commit = microseconds{100};

} // namespace

committer::committer(surroundings around, dice random)
    : around_(std::move(around)), random_(random),
      slowest_(random_.between(milliseconds{1}, milliseconds{30})),
      sync_interval_(random_.between(milliseconds{10}, milliseconds{2000})),
      changes_(around_.changes), changes_to_be_(around_.changes) {
  if (!around_.is_careful)
    schedule_sync();
}

void committer::commit(storage::batch changed, std::shared_ptr<operation> what,
                       std::function<void(bool)> then) {
  waiting_.push_back({std::move(changed), std::move(what), std::move(then)});
  if (!is_busy_)
    begin_group();
}

void committer::begin_group() {
  auto next = std::exchange(waiting_, {});
  if (has_failed_) { // the group that did is still to be heard of, if there is one
    for (const auto& one : next) {
      if (one.what)
        around_.past.vanishes(*one.what);
      around_.tell([then = one.then] { then(false); });
    }
    return;
  }
  is_busy_ = true;
  group_ = std::move(next);
  disk::group batches;
  for (const auto& one : group_)
    batches.push_back(one.rows);
  std::ranges::move(std::exchange(notes_, {}), std::back_inserter(batches));
  changes_to_be_ = changes_ + static_cast<std::uint64_t>(std::ranges::count_if(
                                  group_, [](const change& one) { return one.what != nullptr; }));
  storage::put_own_changes(batches.emplace_back(), changes_to_be_);
  around_.rows.begin(std::move(batches), around_.is_careful);
  around_.after(random_.between(fastest_commit, slowest_), [this] { finish_group(); });
}

void committer::finish_group() {
  is_busy_ = false;
  has_failed_ = around_.rows.finish().has_value();
  if (!has_failed_) {
    changes_ = changes_to_be_;
    note_done(group_);
  }
  for (const auto& one : group_)
    around_.tell([then = one.then, worked = !has_failed_] { then(worked); });
  if (!has_failed_)
    group_.clear();
  if (!waiting_.empty())
    begin_group();
}

void committer::schedule_sync() {
  around_.after(sync_interval_, [this] {
    if (!has_failed_)
      has_failed_ = around_.rows.sync().has_value();
    schedule_sync();
  });
}

void committer::note_done(const group& done) {
  for (const auto& one : done)
    if (one.what)
      around_.past.note(*one.what);
}

// -- the end of the process --

void committer::stop() {
  if (is_busy_)
    finish_group();
  if (is_busy_)
    finish_group(); // what came meanwhile
  around_.rows.sync();
}

bool committer::end(bool power_fails) {
  const auto left = around_.rows.reopen(power_fails);
  // Where nothing is synced before it is told, the power takes what was told.
  const auto forget = [&, may_be_told = power_fails && !around_.is_careful](const group& lost) {
    for (const auto& one : lost)
      if (one.what && !may_be_told)
        around_.past.vanishes(*one.what);
  };
  left.has_last ? note_done(group_) : forget(group_);
  forget(waiting_);
  return left.is_whole;
}

} // namespace starling::simulation
