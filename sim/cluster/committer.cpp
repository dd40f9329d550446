#include "sim/cluster/committer.hpp"

#include <utility>

namespace starling::simulation {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr duration fastest_commit = microseconds{100};
constexpr duration longest_gathering = microseconds{200};

const keyspace::failure no_room{keyspace::reason::disk_full, "no room is left on the disk"};

} // namespace

committer::committer(surroundings around, dice random)
    : around_(std::move(around)), random_(random),
      slowest_(random_.between(milliseconds{1}, milliseconds{30})),
      sync_interval_(random_.between(milliseconds{10}, milliseconds{2000})),
      groups_(around_.changes, around_.is_careful) {
  if (!around_.is_careful)
    schedule_sync();
}

void committer::commit(storage::batch changed, std::shared_ptr<operation> what, committed then) {
  const bool is_own = what != nullptr;
  changes_.emplace(++last_ticket_, change{std::move(what), std::move(then)});
  report([&](auto& todo) { groups_.add(last_ticket_, std::move(changed), is_own, todo); });
}

void committer::count(committed then) {
  changes_.emplace(++last_ticket_, change{nullptr, std::move(then)});
  report([&](auto& todo) { groups_.add(last_ticket_, {}, true, todo); });
}

template <class Report>
void committer::report(Report report_to) {
  keyspace::commit_effects todo;
  report_to(todo);
  for (const auto& effect : todo)
    std::visit([this](const auto& e) { carry_out(e); }, effect);
}

void committer::carry_out(const keyspace::gather&) {
  is_gathering_ = true;
  around_.after(random_.between(duration{0}, longest_gathering), [this] {
    if (std::exchange(is_gathering_, false))
      report([this](auto& todo) { groups_.gathered(todo); });
  });
}

void committer::carry_out(const keyspace::wait& e) {
  waits_ = e.number;
  around_.after(std::chrono::duration_cast<duration>(e.length), [this, number = e.number] {
    report([&](auto& todo) { groups_.waited(number, todo); });
  });
}

void committer::carry_out(const keyspace::write_group& e) {
  writing_.emplace();
  for (const auto ticket : e.changes)
    if (auto& what = changes_.at(ticket).what)
      writing_->push_back(std::exchange(what, nullptr));
  writing_takes_ = random_.between(fastest_commit, slowest_);
  around_.rows.begin(e.batches, e.synced);
  around_.after(writing_takes_, [this, number = groups_written_] {
    if (writing_ && number == groups_written_)
      finish_group();
  });
}

void committer::finish_group() {
  auto group = *std::exchange(writing_, std::nullopt);
  ++groups_written_;
  if (!around_.rows.finish()) {
    for (const auto& what : group)
      around_.past.note(*what);
    return report([this](auto& todo) { groups_.written(writing_takes_, todo); });
  }
  has_failed_ = true;
  unsure_ = std::move(group);
  const bool may_be_there = random_.chance(0.5);
  report([&](auto& todo) { groups_.failed(no_room, may_be_there, todo); });
}

void committer::carry_out(const keyspace::answer_changes& e) {
  for (const auto ticket : e.to) {
    auto told = std::move(changes_.extract(ticket).mapped());
    if (e.why && told.what)
      around_.past.vanishes(*told.what);
    around_.tell(
        [then = std::move(told.then), why = e.why, own = e.own_changes] { then(why, own); });
  }
}

void committer::schedule_sync() {
  around_.after(sync_interval_, [this] {
    if (!has_failed_ && around_.rows.sync()) {
      has_failed_ = true;
      report([this](auto& todo) { groups_.give_up(no_room, todo); });
    }
    schedule_sync();
  });
}

// -- the end of the process --

void committer::stop() {
  while (writing_ || is_gathering_ || waits_)
    if (writing_)
      finish_group();
    else if (std::exchange(is_gathering_, false))
      report([this](auto& todo) { groups_.gathered(todo); });
    else
      report([this, number = *std::exchange(waits_, std::nullopt)](auto& todo) {
        groups_.waited(number, todo);
      });
  static_cast<void>(around_.rows.sync());
}

bool committer::end(bool power_fails) {
  const auto left = around_.rows.reopen(power_fails);
  if (writing_)
    unsure_ = *writing_;
  for (const auto& [ticket, one] : changes_)
    forget(one.what, power_fails);
  for (const auto& what : unsure_)
    if (left.has_last)
      around_.past.note(*what);
    else
      forget(what, power_fails);
  return left.is_whole;
}

/// Where nothing is synced before it is told, the power takes what was told.
void committer::forget(const std::shared_ptr<operation>& what, bool power_fails) {
  const bool may_be_told = power_fails && !around_.is_careful;
  if (what && !may_be_told)
    around_.past.vanishes(*what);
}

} // namespace starling::simulation
