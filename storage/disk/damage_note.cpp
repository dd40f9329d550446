#include "storage/disk/damage_note.hpp"

#include <utility>

namespace starling::storage {

namespace {

constexpr std::size_t sentence_bytes_max = 4096;

} // namespace

rocksdb::Status sync_folder(rocksdb::Env& env, const std::string& folder) {
  std::unique_ptr<rocksdb::Directory> opened;
  const auto status = env.NewDirectory(folder.empty() ? "." : folder, &opened);
  return status.ok() ? opened->Fsync() : status;
}

damage_note::damage_note(rocksdb::Env& env, std::string folder)
    : env_(&env), folder_(std::move(folder)), file_(folder_ + "/damaged") {}

std::optional<std::string> damage_note::read() const {
  if (env_->FileExists(file_).IsNotFound())
    return std::nullopt;
  // That there is a file says enough.
  std::unique_ptr<rocksdb::SequentialFile> file;
  std::string buffer(sentence_bytes_max, '\0');
  rocksdb::Slice sentence;
  if (!env_->NewSequentialFile(file_, &file, {}).ok() ||
      !file->Read(buffer.size(), &sentence, buffer.data()).ok() || sentence.empty())
    return "something in " + folder_ + " was damaged";
  return sentence.ToString();
}

rocksdb::Status damage_note::write(const std::string& sentence) const {
  const auto written = rocksdb::WriteStringToFile(env_, sentence, file_, true);
  return written.ok() ? sync_folder(*env_, folder_) : written;
}

// Where it cannot be erased, the damage is told once more.
void damage_note::erase() const {
  env_->DeleteFile(file_).PermitUncheckedError();
}

} // namespace starling::storage
