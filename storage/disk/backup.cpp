#include "storage/disk/backup.hpp"

#include "storage/disk/damage_note.hpp"
#include "storage/disk/folder.hpp"
#include "storage/disk/rocks_failure.hpp"
#include "storage/disk/system_failure.hpp"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <stdlib.h>
#include <sys/stat.h>

namespace starling::storage {

namespace {

namespace fs = std::filesystem;

wire::possible<failure> checked(const std::string& cannot, const rocksdb::Status& status) {
  return status.ok() ? std::nullopt : std::optional{to_failure(cannot, status)};
}

/// One backup, step by step; each step says what went wrong, if something did.
class backup_job {
public:
  backup_job(store& rows, std::string identity_file, const std::string& folder)
      : rows_(rows), identity_file_(std::move(identity_file)), place_(folder) {
    if (!place_.has_filename()) // for a slash at the end
      place_ = place_.parent_path();
  }

  wire::possible<failure> run() {
    if (auto failed = check_place())
      return failed;
    if (auto failed = make_draft())
      return failed;
    auto failed = fill_draft();
    if (!failed)
      failed = give_name();
    if (failed) {
      std::error_code ignored; // it tells of nothing that is not known by now
      fs::remove_all(draft_, ignored);
    }
    return failed;
  }

private:
  wire::possible<failure> check_place() const {
    struct stat found {};
    if (::lstat(place_.c_str(), &found) == 0)
      return failure{trouble::broken, place_.string() + " exists already"};
    if (errno != ENOENT)
      return system_failure("cannot make " + place_.string(), errno);
    return std::nullopt;
  }

  wire::possible<failure> make_draft() {
    auto name = place_.string() + ".unfinished-XXXXXX";
    if (!::mkdtemp(name.data()))
      return system_failure("cannot make a folder in " + place_.parent_path().string(), errno);
    draft_ = name;
    return std::nullopt;
  }

  wire::possible<failure> fill_draft() {
    const auto rows = draft_ / "rows";
    if (auto failed = rows_.copy_to(rows))
      return failed;
    const damage_note note{env_, rows};
    if (auto failed =
            checked("cannot mark the rows in " + rows.string(),
                    note.write("the rows are a backup, without what was committed since")))
      return failed;
    if (auto failed = copy_identity())
      return failed;
    return make_format(draft_);
  }

  wire::possible<failure> copy_identity() {
    std::string text;
    if (auto failed = checked("cannot read " + identity_file_,
                              rocksdb::ReadFileToString(&env_, identity_file_, &text)))
      return failed;
    return checked("cannot write the node's id to " + draft_.string(),
                   rocksdb::WriteStringToFile(&env_, text, draft_ / "identity", true));
  }

  wire::possible<failure> give_name() {
    if (::rename(draft_.c_str(), place_.c_str()) != 0)
      return system_failure("cannot rename " + draft_.string() + " to " + place_.string(), errno);
    const auto above = place_.parent_path();
    auto failed = checked("cannot sync " + above.string(), sync_folder(env_, above));
    if (failed) // it may not survive, so it must not look as if it did
      ::rename(place_.c_str(), draft_.c_str());
    return failed;
  }

  store& rows_;
  std::string identity_file_;
  fs::path place_;
  fs::path draft_;
  rocksdb::Env& env_ = *rocksdb::Env::Default();
};

} // namespace

wire::possible<failure> copy_to_backup(store& rows, const std::string& identity_file,
                                       const std::string& folder) {
  return backup_job{rows, identity_file, folder}.run();
}

} // namespace starling::storage
