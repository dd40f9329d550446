#pragma once

// Where RocksDB's logs and manifests end: they are records, one after the other. The records of a
// log also number the changes that they carry, from one log to the next.

#include "storage/disk/witness.hpp"
#include "wire/result.hpp"

#include <cstdint>
#include <optional>
#include <rocksdb/env.h>
#include <rocksdb/wal_filter.h>
#include <rocksdb/write_batch.h>
#include <string>
#include <variant>

namespace starling::storage {

/// How far a file is whole records.
struct record_extent {
  std::uint64_t bytes = 0;       // of the file
  std::uint64_t whole_bytes = 0; // of its whole records, from its beginning
  bool is_torn = false;          // what follows is the beginning of one more record
  bool has_old_mark = false;     // it is a log of version 0.1, which kept no witness

  // Of a log: the number of the first change, and the one that follows its last.
  std::optional<std::uint64_t> first_change;
  std::uint64_t next_change = 0;

  bool is_whole() const { return whole_bytes == bytes; }
};

/// Reads a file of records. Of a log, a record that does not go on with the number where the one
/// before it ended is not whole.
wire::result<record_extent, rocksdb::Status> read_records(rocksdb::Env& env,
                                                          const std::string& path, bool is_log);

/// The checksum of as much of a file; nothing if the file is shorter.
wire::result<std::optional<std::uint32_t>, rocksdb::Status>
checksum_of_file(rocksdb::Env& env, const std::string& path, std::uint64_t bytes);

/// Looks for gaps in a replay: each record says which number its first change has, and how many
/// changes it carries.
class gap_watch : public rocksdb::WalFilter {
public:
  /// What RocksDB makes of the gap: damage, the end of what there is to be replayed, or nothing. It
  /// ignores damage where damage is taken, and must not get a number twice: where gaps are passed
  /// over, a record with a number that has been is left out.
  enum class gap_is : std::uint8_t { damage, end, passed_over };
  explicit gap_watch(gap_is what) : gap_is_(what) {}

  WalProcessingOption LogRecordFound(unsigned long long log, const std::string& file,
                                     const rocksdb::WriteBatch& record,
                                     rocksdb::WriteBatch* changed, bool* is_changed) override;

  const char* Name() const override { return "gap_watch"; }

private:
  gap_is gap_is_;
  std::optional<std::uint64_t> next_; // the number that the next change must have
};

} // namespace starling::storage
