#include "storage/disk/watched_disk.hpp"

#include <filesystem>
#include <utility>

namespace starling::storage {

namespace fs = std::filesystem;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

class watched_disk::file : public rocksdb::FSWritableFileOwnerWrapper {
public:
  file(watched_disk& disk, std::shared_ptr<progress> of,
       std::unique_ptr<rocksdb::FSWritableFile>&& target)
      : FSWritableFileOwnerWrapper(std::move(target)), disk_(disk), of_(std::move(of)) {}

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  IODebugContext* context) override {
    auto status = target()->Append(data, options, context);
    return appended(data, status);
  }

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& checksum, IODebugContext* context) override {
    auto status = target()->Append(data, options, checksum, context);
    return appended(data, status);
  }

  IOStatus Sync(const IOOptions& options, IODebugContext* context) override {
    const auto before = written(); // others may append meanwhile
    return synced(before, target()->Sync(options, context));
  }

  IOStatus Fsync(const IOOptions& options, IODebugContext* context) override {
    const auto before = written();
    return synced(before, target()->Fsync(options, context));
  }

private:
  beginning written() const {
    const std::lock_guard guard{disk_.mutex_};
    return of_->written();
  }

  IOStatus appended(const rocksdb::Slice& data, IOStatus status) {
    const std::lock_guard guard{disk_.mutex_};
    if (status.ok()) {
      of_->bytes += data.size();
      of_->sum.add(data.ToStringView());
    }
    return status;
  }

  IOStatus synced(const beginning& what, IOStatus status) {
    const std::lock_guard guard{disk_.mutex_};
    if (status.ok())
      of_->synced = what;
    return status;
  }

  watched_disk& disk_;
  std::shared_ptr<progress> of_;
};

/// The folder itself: what it names survives a power failure once it is synced.
class watched_disk::directory : public rocksdb::FSDirectoryWrapper {
public:
  directory(watched_disk& disk, std::unique_ptr<rocksdb::FSDirectory>&& target)
      : FSDirectoryWrapper(std::move(target)), disk_(disk) {}

  IOStatus Fsync(const IOOptions& options, IODebugContext* context) override {
    const auto before = named();
    return synced(before, FSDirectoryWrapper::Fsync(options, context));
  }

  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* context,
                               const rocksdb::DirFsyncOptions& why) override {
    const auto before = named();
    return synced(before, FSDirectoryWrapper::FsyncWithDirOptions(options, context, why));
  }

private:
  std::string named() const {
    const std::lock_guard guard{disk_.mutex_};
    return disk_.named_;
  }

  IOStatus synced(const std::string& manifest, IOStatus status) {
    const std::lock_guard guard{disk_.mutex_};
    if (status.ok())
      disk_.manifest_ = manifest;
    return status;
  }

  watched_disk& disk_;
};

watched_disk::watched_disk(const std::shared_ptr<rocksdb::FileSystem>& disk,
                           const std::string& folder, witness known)
    : FileSystemWrapper(disk), folder_(without_slash(folder)), witness_(std::move(known)) {}

IOStatus watched_disk::committed() {
  const std::lock_guard guard{mutex_};
  for (const auto& [name, done] : files_)
    if (is_log(name) && done->bytes > 0)
      witness_.logs[log_number(name)] = {done->written(), done->synced};
  return keep(false);
}

IOStatus watched_disk::opened() {
  const std::lock_guard guard{mutex_};
  std::uint64_t first = 0;
  for (const auto& [name, done] : files_)
    if (is_log(name))
      first = first == 0 ? log_number(name) : std::min(first, log_number(name));
  witness_.first_log = std::max(witness_.first_log, first);
  witness_.names_all_logs = true;
  witness_.logs.erase(witness_.logs.begin(), witness_.logs.lower_bound(first));
  drop_other_manifests();
  return keep(true);
}

IOStatus watched_disk::NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* result,
                                       IODebugContext* context) {
  const auto name = name_in_folder(path);
  if (is_log(name))
    if (auto status = announce_log(log_number(name)); !status.ok())
      return status;
  std::unique_ptr<rocksdb::FSWritableFile> made;
  auto status = target()->NewWritableFile(path, options, &made, context);
  if (!status.ok())
    return status;
  if (!is_log(name) && !is_manifest(name)) {
    *result = std::move(made);
    return status;
  }
  const std::lock_guard guard{mutex_};
  const auto of = files_[name] = std::make_shared<progress>();
  *result = std::make_unique<file>(*this, of, std::move(made));
  return status;
}

IOStatus watched_disk::NewDirectory(const std::string& path, const IOOptions& options,
                                    std::unique_ptr<rocksdb::FSDirectory>* result,
                                    IODebugContext* context) {
  std::unique_ptr<rocksdb::FSDirectory> opened;
  auto status = target()->NewDirectory(path, options, &opened, context);
  if (!status.ok())
    return status;
  if (without_slash(path) == folder_)
    *result = std::make_unique<directory>(*this, std::move(opened));
  else
    *result = std::move(opened);
  return status;
}

IOStatus watched_disk::DeleteFile(const std::string& path, const IOOptions& options,
                                  IODebugContext* context) {
  if (const auto name = name_in_folder(path); !name.empty()) {
    const std::lock_guard guard{mutex_};
    if (is_log(name)) {
      witness_.logs.erase(log_number(name));
      witness_.first_log = std::max(witness_.first_log, log_number(name) + 1);
      files_.erase(name);
    }
    drop_other_manifests();
    if (auto status = keep(true); !status.ok())
      return status;
  }
  return target()->DeleteFile(path, options, context);
}

IOStatus watched_disk::RenameFile(const std::string& from, const std::string& to,
                                  const IOOptions& options, IODebugContext* context) {
  if (name_in_folder(to) != "CURRENT")
    return target()->RenameFile(from, to, options, context);
  std::string manifest;
  auto status = rocksdb::ReadFileToString(target(), from, &manifest);
  manifest = manifest.substr(0, manifest.find('\n'));
  if (status.ok())
    status = announce(manifest);
  if (status.ok())
    status = target()->RenameFile(from, to, options, context);
  if (status.ok()) {
    const std::lock_guard guard{mutex_};
    named_ = std::move(manifest);
  }
  return status;
}

/// The name of a file of the folder; empty for another one.
std::string watched_disk::name_in_folder(const std::string& path) const {
  const auto normal = fs::path{path}.lexically_normal();
  return normal.parent_path() == folder_ ? normal.filename().string() : std::string{};
}

/// There may be such a log from now on.
IOStatus watched_disk::announce_log(std::uint64_t number) {
  const std::lock_guard guard{mutex_};
  witness_.logs[number] = {};
  return keep(true);
}

/// CURRENT may name this one from now on.
IOStatus watched_disk::announce(const std::string& manifest) {
  const std::lock_guard guard{mutex_};
  const auto found = files_.find(manifest);
  if (found == files_.end())
    return IOStatus::Corruption("CURRENT would name a manifest that was not made", manifest);
  announced_ = manifest;
  witness_.manifests[manifest] = found->second->synced;
  return keep(true);
}

/// The manifest that CURRENT durably names is the one that counts.
void watched_disk::drop_other_manifests() {
  if (files_.count(manifest_) == 0)
    return;
  witness_.manifests.clear();
  for (const auto& name : {manifest_, named_, announced_})
    if (const auto one = files_.find(name); one != files_.end())
      witness_.manifests[name] = one->second->synced;
}

IOStatus watched_disk::keep(bool synced) {
  if (!is_made_) { // RocksDB makes all its files anew, too: a copy may share those with links
    if (auto status = witness_file::make(*target(), folder_, witness_); !status.ok())
      return status;
    is_made_ = true;
    kept_ = witness_;
    is_synced_ = true;
  }
  if (kept_ != witness_) {
    if (auto status = witness_file_.write(*target(), folder_, witness_); !status.ok())
      return status;
    kept_ = witness_;
    is_synced_ = false;
  }
  if (!synced || is_synced_)
    return IOStatus::OK();
  auto status = witness_file_.sync();
  is_synced_ = status.ok();
  return status;
}

namespace {

class machine_with_disk : public rocksdb::EnvWrapper {
public:
  machine_with_disk(rocksdb::Env& machine, const std::shared_ptr<rocksdb::FileSystem>& disk)
      : EnvWrapper(rocksdb::NewCompositeEnv(disk)) {
    system_clock_ = machine.GetSystemClock();
  }
  const char* Name() const override { return "machine_with_disk"; }
};

} // namespace

std::unique_ptr<rocksdb::Env> machine_with(rocksdb::Env& machine,
                                           const std::shared_ptr<rocksdb::FileSystem>& disk) {
  return std::make_unique<machine_with_disk>(machine, disk);
}

} // namespace starling::storage
