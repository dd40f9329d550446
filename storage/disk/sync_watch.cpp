#include "storage/disk/sync_watch.hpp"

#include <rocksdb/file_system.h>
#include <string>
#include <utility>

namespace starling::storage {

namespace {

using counter = std::shared_ptr<std::atomic<std::uint64_t>>;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

class watched_log : public rocksdb::FSWritableFileOwnerWrapper {
public:
  watched_log(std::unique_ptr<rocksdb::FSWritableFile> log, counter syncs)
      : FSWritableFileOwnerWrapper(std::move(log)), syncs_(std::move(syncs)) {}

  IOStatus Sync(const IOOptions& options, IODebugContext* context) override {
    ++*syncs_;
    return target()->Sync(options, context);
  }

  IOStatus Fsync(const IOOptions& options, IODebugContext* context) override {
    ++*syncs_;
    return target()->Fsync(options, context);
  }

private:
  counter syncs_;
};

class watched_files : public rocksdb::FileSystemWrapper {
public:
  watched_files(const std::shared_ptr<rocksdb::FileSystem>& target, counter syncs)
      : FileSystemWrapper(target), syncs_(std::move(syncs)) {}

  const char* Name() const override { return "watched_files"; }

  IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* result,
                           IODebugContext* context) override {
    auto status = target()->NewWritableFile(path, options, result, context);
    if (status.ok() && path.ends_with(".log"))
      *result = std::make_unique<watched_log>(std::move(*result), syncs_);
    return status;
  }

private:
  counter syncs_;
};

class watched_machine : public rocksdb::EnvWrapper {
public:
  watched_machine(rocksdb::Env* machine, const counter& syncs) : EnvWrapper(machine) {
    file_system_ = std::make_shared<watched_files>(machine->GetFileSystem(), syncs);
    system_clock_ = machine->GetSystemClock();
  }

  const char* Name() const override { return "watched_machine"; }
};

} // namespace

sync_watch::sync_watch(rocksdb::Env* machine)
    : count_(std::make_shared<std::atomic<std::uint64_t>>(0)),
      env_(std::make_unique<watched_machine>(machine, count_)) {}

} // namespace starling::storage
