#pragma once

// A disk that fails, or loses power, at some operation: what RocksDB writes goes through it to real
// files, and it knows which of it would survive.
//
// It allows what POSIX does, and journaling filesystems do. Of a file, what was synced survives,
// and any beginning of what was appended since. Behind that, a log may go on with zeros or noise up
// to the length that it had; of other files, RocksDB believes that a length is only written after
// what it covers, and does not open with noise at the end of its manifest. Of the names in a folder
// that were made, changed and removed since it was synced, the first ones survive, and the others
// are as they were. Of what was written over in a file since it was synced, all survives or nothing
// does. Folders themselves are never lost, nor is RocksDB's lock, which does not go
// through here.
//
// Operations are appends, syncs of files and folders, and changes of names. RocksDB makes some in
// threads of its own, so a seed gives the same faults, but not always the same moment.

#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <string>
#include <vector>

namespace starling::storage {

class losing_disk : public rocksdb::FileSystemWrapper {
public:
  enum class fault { power, error, no_space };

  /// Keeps in a folder of its own what may come back. Requires: the folder exists.
  losing_disk(std::string graveyard, unsigned seed);

  /// Lets the operation of this number from now fail, and all after it if `lasting`. After a loss
  /// of power all fail.
  void fail_at(std::uint64_t operation, fault what, bool lasting);

  /// Lets no file be made whose path ends so, for want of room.
  void refuse(std::string ending);

  /// Leaves in the files what survived a loss of power now, and works again. Requires: no file is
  /// open.
  void lose_power();

  /// All that was done so far survives, and it works again.
  void settle();

  std::uint64_t operations() const;

  const char* Name() const override { return "losing_disk"; }
  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* result,
                                       rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus NewRandomRWFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSRandomRWFile>* result,
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
  class overwritten;
  class folder;

  struct lengths {
    std::uint64_t written = 0;
    std::uint64_t synced = 0;
  };

  /// One that its folder was not synced since.
  struct name_change {
    std::string from;   // empty if the file was made
    std::string to;     // empty if it was removed
    std::string buried; // where what had the name until then is; empty if nothing had
  };

  rocksdb::IOStatus begin_operation();
  void bury(const std::string& path, name_change& change);
  void move(const std::string& from, const std::string& to);
  void undo(const name_change& change);
  void lose_tail(const std::string& path, const lengths& of);
  void synced_names(const std::string& path);
  std::uint64_t up_to(std::uint64_t most);

  std::string graveyard_;
  mutable std::mutex mutex_;
  std::mt19937_64 random_;
  std::uint64_t operations_ = 0;
  std::uint64_t failing_from_ = 0; // never, if 0
  fault fault_ = fault::power;
  bool lasting_ = false;
  std::string refused_; // none, if empty
  std::uint64_t graves_ = 0;
  std::map<std::string, std::shared_ptr<lengths>> files_; // those written here
  std::map<std::string, std::string> overwritten_;        // as they were when they were last synced
  std::vector<name_change> changes_;
};

/// A machine with this disk, on which nobody sleeps: after an error RocksDB waits for a second.
std::unique_ptr<rocksdb::Env> machine_with(const std::shared_ptr<losing_disk>& disk);

} // namespace starling::storage
