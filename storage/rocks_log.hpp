#pragma once

// Damage to the log that RocksDB does not see when it replays it: of a block that reads as zeros
// from some record on, it skips the rest without a word, and an empty or missing log is one without
// changes to it. The same goes for the end of its manifest, which is written like a log and says
// which files of rows there are. What RocksDB sees, it is left to find.
//
// Each log of ours begins with a mark, a record without changes, so that there is none without a
// record. What stays unseen: that a log or the manifest lost whole records at its end.

#include <cstdint>
#include <optional>
#include <rocksdb/env.h>
#include <rocksdb/wal_filter.h>
#include <rocksdb/write_batch.h>
#include <string>
#include <vector>

namespace starling::storage {

/// A record for the log that changes nothing.
rocksdb::WriteBatch log_mark();

/// Whether each of the logs and manifests among these files of a folder is records from its
/// beginning to its end, and some log has one. A log that ends within a record is left to RocksDB.
rocksdb::Status check_logs(rocksdb::Env& env, const std::string& folder,
                           const std::vector<std::string>& files);

/// The log with the highest number among these files of a folder; empty if there is none.
std::string newest_log(const std::vector<std::string>& files);

/// Ends the replay before a gap: each record says which number its first change has, and how many
/// changes it carries.
class gap_watch : public rocksdb::WalFilter {
public:
  WalProcessingOption LogRecordFound(unsigned long long log, const std::string& file,
                                     const rocksdb::WriteBatch& record,
                                     rocksdb::WriteBatch* changed, bool* is_changed) override;

  const char* Name() const override { return "gap_watch"; }

private:
  std::optional<std::uint64_t> next_; // the number that the next change must have
};

} // namespace starling::storage
