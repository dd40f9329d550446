#include "sim/cluster/disk.hpp"

#include <cassert>
#include <utility>

namespace starling::simulation {

disk::disk(dice random, rows initial)
    : random_(random), rows_(std::make_unique<storage::memory_store>(initial)), safe_(initial),
      initial_(std::move(initial)) {}

std::unique_ptr<const storage::snapshot> disk::now() const {
  if (holes_.empty())
    return rows_->now();
  auto result = std::make_unique<storage::holed_snapshot>(rows_->contents());
  for (const auto& one : holes_)
    result->add(one);
  return result;
}

void disk::begin(group batches, bool synced) {
  if (broken_)
    return;
  assert(!under_way_);
  under_way_ = {std::move(batches), synced};
}

wire::possible<storage::failure> disk::finish() {
  if (auto why = failure())
    return why;
  const auto done = std::exchange(under_way_, std::nullopt);
  keep(done->batches, done->synced);
  return std::nullopt;
}

void disk::keep(const group& batches, bool synced) {
  static_cast<void>(rows_->commit(batches, synced));
  unsynced_.push_back(batches);
  written_.push_back(batches);
  if (synced)
    keep_safe();
}

wire::possible<storage::failure> disk::commit(const group& batches, bool synced) {
  begin(batches, synced);
  return finish();
}

wire::possible<storage::failure> disk::sync() {
  if (auto why = failure())
    return why;
  keep_safe();
  return std::nullopt;
}

void disk::keep_safe() {
  for (const auto& one : std::exchange(unsynced_, {}))
    static_cast<void>(safe_.commit(one, true));
}

/// Why nothing is taken any more, if that is so.
wire::possible<storage::failure> disk::failure() {
  if (is_full_ && !broken_)
    broken_ = storage::failure{storage::trouble::full, "no room is left on the disk"};
  return broken_;
}

wire::possible<storage::failure> disk::copy_to(const std::string& folder) {
  return rows_->copy_to(folder);
}

void disk::lose(const storage::batch& erased) {
  keep({erased}, true);
}

disk::rows disk::patchwork() {
  storage::memory_store result{initial_};
  const auto first = random_.below(written_.size() + 1);
  const auto end = first + random_.below(written_.size() - first + 1);
  for (std::size_t i = 0; i < written_.size(); ++i)
    if (i < first || i >= end)
      static_cast<void>(result.commit(written_[i], true));
  return result.contents();
}

disk::remains disk::reopen(bool after_power_failure) {
  remains result;
  if (after_power_failure && !unsynced_.empty()) {
    const auto left = random_.below(unsynced_.size() + 1);
    result.is_whole = left == unsynced_.size();
    written_.resize(written_.size() - (unsynced_.size() - left));
    unsynced_.resize(left);
    rows_ = std::make_unique<storage::memory_store>(safe_.contents());
    for (const auto& one : unsynced_)
      static_cast<void>(rows_->commit(one, false));
  }
  broken_.reset();
  is_full_ = false;
  const auto last = std::exchange(under_way_, std::nullopt);
  if (!last || !result.is_whole || !random_.chance(0.5))
    return result;
  result.has_last = true;
  keep(last->batches, after_power_failure);
  return result;
}

} // namespace starling::simulation
