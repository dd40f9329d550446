#pragma once

// Rows in memory only: what tests and simulators take for a disk.
//
// A snapshot shares the rows until the next commit, which then changes a copy of them; while nobody
// holds a snapshot, nothing is copied. What a process would lose with its memory is lost with the
// object: `synced` makes no difference. Whoever holds the store can make it fail.

#include "storage/store.hpp"

#include <atomic>
#include <map>
#include <mutex>

namespace starling::storage {

class memory_store : public store {
public:
  using rows = std::map<std::string, std::string, std::less<>>;

  memory_store() = default;

  /// A store that holds these rows already.
  explicit memory_store(rows initial);

  wire::possible<failure> commit(const std::vector<batch>& batches, bool synced) override;
  wire::possible<failure> sync() override;
  std::unique_ptr<const snapshot> now() const override;
  std::unique_ptr<const snapshot> now_in_memory() const override { return now(); }

  /// There is nothing to be verified in memory.
  std::vector<std::string> parts() const override { return {}; }
  wire::possible<failure> verify(const std::string&) const override { return std::nullopt; }

  /// There are no folders in memory: fails, and changes nothing.
  wire::possible<failure> copy_to(const std::string& folder) override;

  /// Lets the next commit or sync fail so, and thus all later ones; nothing of it is kept.
  void break_down(failure why);

  /// What is held now, as for another store that goes on with it.
  rows contents() const;

private:
  class view;
  /// The rows between two commits.
  struct version {
    rows all;
    std::atomic<std::size_t> views = 0; // the snapshots that show it
  };

  mutable std::mutex mutex_;
  std::shared_ptr<version> current_ = std::make_shared<version>();
  std::optional<failure> broken_;
};

} // namespace starling::storage
