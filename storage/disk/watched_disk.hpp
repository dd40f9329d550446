#pragma once

// The disk that RocksDB writes the files of one folder to, watched so that the witness of them
// (witness.hpp) is always right: what it says is on the disk, and what it no longer says is not
// needed.
//
// Each order of steps is what makes that so. A log is named before it is made, and witnessed after
// a commit to it is written. A
// new manifest is witnessed before CURRENT names it, beside the one before it. Before any file is
// removed, the witness of the manifest that makes it superfluous survives a power failure, and a
// log is taken out of it before the log goes. Files of other folders are none of its concern.

#include "storage/disk/checksum.hpp"
#include "storage/disk/file_names.hpp"
#include "storage/disk/witness.hpp"

#include <memory>
#include <mutex>
#include <rocksdb/env.h>

namespace starling::storage {

class watched_disk : public rocksdb::FileSystemWrapper {
public:
  /// `known` is the witness of what the folder holds now.
  watched_disk(const std::shared_ptr<rocksdb::FileSystem>& disk, const std::string& folder,
               witness known);

  /// What was committed to the logs is there. By one thread at a time.
  rocksdb::IOStatus committed();

  /// RocksDB is open: it has all of the logs that were there before in files of rows.
  rocksdb::IOStatus opened();

  const char* Name() const override { return "watched_disk"; }
  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus NewDirectory(const std::string& path, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* result,
                                 rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* context) override;

private:
  class file;
  class directory;

  struct progress {
    std::uint64_t bytes = 0;
    checksum sum;
    beginning synced;
    beginning written() const { return {bytes, sum.value()}; }
  };

  std::string name_in_folder(const std::string& path) const;
  rocksdb::IOStatus announce_log(std::uint64_t number);
  rocksdb::IOStatus announce(const std::string& manifest);
  void drop_other_manifests();
  rocksdb::IOStatus keep(bool synced);

  std::string folder_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<progress>> files_; // logs and manifests made here
  std::string announced_; // the manifest that CURRENT will name, or names
  std::string named_;     // that it names, if that one was made here
  std::string manifest_;  // that it names even after a power failure
  witness witness_;
  witness kept_;           // as it is in the file
  bool is_made_ = false;   // the file is this process's own
  bool is_synced_ = false; // what the file says survives a power failure
  witness_file witness_file_;
};

/// A machine with this disk, and all else as on another one. Requires: that one outlives it.
std::unique_ptr<rocksdb::Env> machine_with(rocksdb::Env& machine,
                                           const std::shared_ptr<rocksdb::FileSystem>& disk);

} // namespace starling::storage
