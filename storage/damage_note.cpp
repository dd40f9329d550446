#include "storage/damage_note.hpp"

#include <utility>

namespace starling::storage {

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
  std::string sentence;
  if (!rocksdb::ReadFileToString(env_, file_, &sentence).ok() || sentence.empty())
    sentence = "the log in " + folder_ + " was damaged";
  return sentence;
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
