#pragma once

// What is whole of a damaged log, for those who salvage rows.
//
// RocksDB can skip a damaged record, but then takes the next long one for damaged as well, and does
// not open. So it never gets a damaged log to read: its whole records are written anew, in memory,
// and a disk shows those in the place of the file. That one stays as it is.

#include "wire/result.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <string>
#include <variant>
#include <vector>

namespace starling::storage {

/// What is done about the records that follow a damaged one.
enum class behind_damage : std::uint8_t { kept, left_out };

struct repaired_log {
  std::string bytes;            // a log
  std::uint64_t records = 0;    // in it
  std::uint64_t left_bytes = 0; // of the old log: they are in none of those records

  bool is_all() const { return left_bytes == 0; }
};

/// Reads the records of a log that are whole and that RocksDB can replay. Where a piece of one is
/// damaged, nobody knows where the next one begins, so the rest of that block is left out. Fails
/// only where the machine does.
wire::result<repaired_log, rocksdb::Status> repair_log(rocksdb::Env& env, const std::string& path,
                                                       behind_damage is);

/// A disk as another one, on which some files read as told, and some logs are not listed.
class showing_disk : public rocksdb::FileSystemWrapper {
public:
  using FileSystemWrapper::FileSystemWrapper;

  /// Not while somebody reads.
  void show(const std::string& path, std::string content);

  /// RocksDB replays whatever log it finds from a number on that its manifest names; that number
  /// may lie below the first log that was made, and a log that does not belong there between them.
  void hide_logs_below(const std::string& folder, std::uint64_t first);

  const char* Name() const override { return "showing_disk"; }
  rocksdb::IOStatus GetChildren(const std::string& folder, const rocksdb::IOOptions& options,
                                std::vector<std::string>* result,
                                rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus NewSequentialFile(const std::string& path, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSSequentialFile>* result,
                                      rocksdb::IODebugContext* context) override;

private:
  std::map<std::filesystem::path, std::string> shown_;        // by normal paths
  std::map<std::filesystem::path, std::uint64_t> first_logs_; // of folders
};

} // namespace starling::storage
