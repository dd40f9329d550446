#include "tests/storage/disk/losing_disk.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <rocksdb/system_clock.h>

namespace starling::storage {

namespace fs = std::filesystem;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

class losing_disk::file : public rocksdb::FSWritableFileOwnerWrapper {
public:
  file(losing_disk& disk, std::shared_ptr<lengths> of,
       std::unique_ptr<rocksdb::FSWritableFile>&& target)
      : FSWritableFileOwnerWrapper(std::move(target)), disk_(disk), of_(std::move(of)) {}

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  IODebugContext* context) override {
    const std::lock_guard guard{disk_.mutex_};
    auto status = disk_.begin_operation();
    // A part of it may get through all the same.
    const auto size = status.ok() ? data.size() : disk_.up_to(data.size());
    const auto appended = target()->Append({data.data(), size}, options, context);
    of_->written += size;
    return status.ok() ? appended : status;
  }

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo&, IODebugContext* context) override {
    return Append(data, options, context);
  }

  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    const std::lock_guard guard{disk_.mutex_};
    auto status = disk_.begin_operation();
    if (status.ok())
      of_->synced = of_->written;
    return status;
  }

  IOStatus Fsync(const IOOptions& options, IODebugContext* context) override {
    return Sync(options, context);
  }

  // Neither makes anything survive.
  IOStatus RangeSync(std::uint64_t, std::uint64_t, const IOOptions&, IODebugContext*) override {
    return IOStatus::OK();
  }
  void PrepareWrite(std::size_t, std::size_t, const IOOptions&, IODebugContext*) override {}

private:
  losing_disk& disk_;
  std::shared_ptr<lengths> of_;
};

class losing_disk::overwritten : public rocksdb::FSRandomRWFileWrapper {
public:
  overwritten(losing_disk& disk, std::string path, std::unique_ptr<rocksdb::FSRandomRWFile>&& file)
      : FSRandomRWFileWrapper(file.get()), disk_(disk), path_(std::move(path)),
        file_(std::move(file)) {}

  IOStatus Write(std::uint64_t at, const rocksdb::Slice& data, const IOOptions& options,
                 IODebugContext* context) override {
    const std::lock_guard guard{disk_.mutex_};
    auto status = disk_.begin_operation();
    if (!status.ok())
      return status;
    if (disk_.overwritten_.count(path_) == 0)
      rocksdb::ReadFileToString(disk_.target(), path_, &disk_.overwritten_[path_])
          .PermitUncheckedError();
    return FSRandomRWFileWrapper::Write(at, data, options, context);
  }

  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    const std::lock_guard guard{disk_.mutex_};
    auto status = disk_.begin_operation();
    if (status.ok())
      disk_.overwritten_.erase(path_);
    return status;
  }

private:
  losing_disk& disk_;
  std::string path_;
  std::unique_ptr<rocksdb::FSRandomRWFile> file_;
};

class losing_disk::folder : public rocksdb::FSDirectoryWrapper {
public:
  folder(losing_disk& disk, std::string path, std::unique_ptr<rocksdb::FSDirectory>&& target)
      : FSDirectoryWrapper(std::move(target)), disk_(disk), path_(std::move(path)) {}

  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    const std::lock_guard guard{disk_.mutex_};
    auto status = disk_.begin_operation();
    if (status.ok())
      disk_.synced_names(path_);
    return status;
  }

  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* context,
                               const rocksdb::DirFsyncOptions&) override {
    return Fsync(options, context);
  }

private:
  losing_disk& disk_;
  std::string path_;
};

losing_disk::losing_disk(std::string graveyard, unsigned seed)
    : FileSystemWrapper(rocksdb::FileSystem::Default()), graveyard_(std::move(graveyard)),
      random_(seed) {}

void losing_disk::fail_at(std::uint64_t operation, fault what, bool lasting) {
  const std::lock_guard guard{mutex_};
  failing_from_ = operations_ + operation;
  fault_ = what;
  lasting_ = lasting || what == fault::power;
}

void losing_disk::refuse(std::string ending) {
  const std::lock_guard guard{mutex_};
  refused_ = std::move(ending);
}

void losing_disk::lose_power() {
  {
    const std::lock_guard guard{mutex_};
    for (const auto& [path, before] : overwritten_)
      if (up_to(1) == 0)
        std::ofstream{path, std::ios::binary | std::ios::trunc} << before;
    for (const auto& [path, of] : files_)
      lose_tail(path, *of);
    for (auto lost = up_to(changes_.size()); lost > 0; --lost) {
      undo(changes_.back());
      changes_.pop_back();
    }
  }
  settle();
}

void losing_disk::settle() {
  const std::lock_guard guard{mutex_};
  files_.clear();
  overwritten_.clear();
  changes_.clear();
  failing_from_ = 0;
  refused_.clear();
  for (const auto& grave : fs::directory_iterator{graveyard_})
    fs::remove(grave);
}

std::uint64_t losing_disk::operations() const {
  const std::lock_guard guard{mutex_};
  return operations_;
}

IOStatus losing_disk::NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* result,
                                      IODebugContext* context) {
  const std::lock_guard guard{mutex_};
  auto status = begin_operation();
  if (!status.ok())
    return status;
  if (!refused_.empty() && path.ends_with(refused_))
    return IOStatus::NoSpace("there is no room for " + path);
  name_change change{"", path, ""};
  bury(path, change);
  std::unique_ptr<rocksdb::FSWritableFile> made;
  status = target()->NewWritableFile(path, options, &made, context);
  if (!status.ok())
    return status;
  changes_.push_back(std::move(change));
  const auto of = files_[path] = std::make_shared<lengths>();
  *result = std::make_unique<file>(*this, of, std::move(made));
  return status;
}

IOStatus losing_disk::ReopenWritableFile(const std::string&, const rocksdb::FileOptions&,
                                         std::unique_ptr<rocksdb::FSWritableFile>*,
                                         IODebugContext*) {
  return IOStatus::NotSupported("nobody has needed it yet");
}

IOStatus losing_disk::NewRandomRWFile(const std::string& path, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSRandomRWFile>* result,
                                      IODebugContext* context) {
  std::unique_ptr<rocksdb::FSRandomRWFile> opened;
  auto status = target()->NewRandomRWFile(path, options, &opened, context);
  if (status.ok())
    *result = std::make_unique<overwritten>(*this, path, std::move(opened));
  return status;
}

IOStatus losing_disk::NewDirectory(const std::string& path, const IOOptions& options,
                                   std::unique_ptr<rocksdb::FSDirectory>* result,
                                   IODebugContext* context) {
  std::unique_ptr<rocksdb::FSDirectory> opened;
  auto status = target()->NewDirectory(path, options, &opened, context);
  if (status.ok())
    *result = std::make_unique<folder>(*this, path, std::move(opened));
  return status;
}

IOStatus losing_disk::DeleteFile(const std::string& path, const IOOptions& options,
                                 IODebugContext* context) {
  const std::lock_guard guard{mutex_};
  auto status = begin_operation();
  if (!status.ok())
    return status;
  if (!fs::exists(path))
    return target()->DeleteFile(path, options, context);
  name_change change{path, "", ""};
  bury(path, change);
  changes_.push_back(std::move(change));
  return status;
}

IOStatus losing_disk::RenameFile(const std::string& from, const std::string& to, const IOOptions&,
                                 IODebugContext*) {
  const std::lock_guard guard{mutex_};
  auto status = begin_operation();
  if (!status.ok())
    return status;
  name_change change{from, to, ""};
  bury(to, change);
  move(from, to);
  changes_.push_back(std::move(change));
  return status;
}

IOStatus losing_disk::begin_operation() {
  ++operations_;
  const bool fails = failing_from_ != 0 && operations_ >= failing_from_ &&
                     (lasting_ || operations_ == failing_from_);
  if (!fails)
    return IOStatus::OK();
  return fault_ == fault::no_space ? IOStatus::NoSpace("the disk is full")
                                   : IOStatus::IOError("the disk failed");
}

void losing_disk::bury(const std::string& path, name_change& change) {
  if (!fs::exists(path))
    return;
  change.buried = graveyard_ + "/" + std::to_string(graves_++);
  move(path, change.buried);
}

void losing_disk::move(const std::string& from, const std::string& to) {
  fs::rename(from, to);
  if (auto found = files_.extract(from)) {
    found.key() = to;
    files_.insert(std::move(found));
  }
}

void losing_disk::undo(const name_change& change) {
  if (change.from.empty())
    fs::remove(change.to);
  else if (!change.to.empty())
    fs::rename(change.to, change.from);
  if (!change.buried.empty())
    fs::rename(change.buried, change.to.empty() ? change.from : change.to);
}

void losing_disk::lose_tail(const std::string& path, const lengths& of) {
  const auto unsynced = of.written - of.synced;
  if (unsynced == 0)
    return;
  fs::resize_file(path, of.synced + up_to(unsynced));
  if (!path.ends_with(".log"))
    return;
  const auto size = fs::file_size(path);
  const auto garbage = up_to(of.written - size);
  const auto kind = up_to(2);
  if (kind == 1)
    fs::resize_file(path, size + garbage); // zeros
  if (kind == 2) {
    std::ofstream out{path, std::ios::binary | std::ios::app};
    for (std::uint64_t i = 0; i < garbage; ++i)
      out.put(static_cast<char>(random_()));
  }
}

void losing_disk::synced_names(const std::string& path) {
  std::erase_if(changes_, [&](const name_change& change) {
    return fs::path{change.to.empty() ? change.from : change.to}.parent_path() == path;
  });
}

std::uint64_t losing_disk::up_to(std::uint64_t most) {
  return std::uniform_int_distribution<std::uint64_t>{0, most}(random_);
}

namespace {

class sleepless_clock : public rocksdb::SystemClockWrapper {
public:
  sleepless_clock() : SystemClockWrapper(rocksdb::SystemClock::Default()) {}
  const char* Name() const override { return "sleepless_clock"; }
  void SleepForMicroseconds(int) override {}
};

class machine : public rocksdb::EnvWrapper {
public:
  explicit machine(const std::shared_ptr<losing_disk>& disk)
      : EnvWrapper(rocksdb::NewCompositeEnv(disk)) {
    system_clock_ = std::make_shared<sleepless_clock>();
  }
  const char* Name() const override { return "machine"; }
};

} // namespace

std::unique_ptr<rocksdb::Env> machine_with(const std::shared_ptr<losing_disk>& disk) {
  return std::make_unique<machine>(disk);
}

} // namespace starling::storage
