#include "storage/disk/leftover_files.hpp"

#include "storage/disk/rocks_failure.hpp"
#include "storage/disk/rocks_options.hpp"
#include "storage/disk/rocks_rows.hpp"
#include "storage/disk/system_failure.hpp"
#include "storage/disk/watched_disk.hpp"
#include "storage/disk/witness.hpp"
#include "storage/memory_store.hpp"
#include "wire/result.hpp"

#include <filesystem>
#include <rocksdb/db.h>
#include <rocksdb/env.h>

namespace starling::storage {

namespace {

namespace fs = std::filesystem;

/// Logs with lower numbers are done with: what they hold is in files of rows, where it may have
/// lost the number that says that it is newer.
std::uint64_t first_log_of(const std::string& rows, rocksdb::Env& env) {
  const auto read = witness_file::read(*env.GetFileSystem(), rows);
  return read && read->what ? read->what->first_log : 0;
}

bool is_wanted(const std::string& name, std::uint64_t first_log) {
  return is_log(name) ? log_number(name) >= first_log : name.ends_with(".sst");
}

/// Links the file, or copies it where there are no links.
std::error_code put(const fs::path& file, const fs::path& into) {
  std::error_code error;
  fs::create_hard_link(file, into, error);
  if (error)
    fs::copy_file(file, into, error);
  return error;
}

} // namespace

wire::result<std::unique_ptr<store>, failure>
gather_leftovers(const std::string& rows, const std::string& into, const rocks_settings& settings) {
  auto reading = settings;
  reading.takes_damage = true;
  auto options = rocks_options(reading);
  std::error_code error;
  fs::remove_all(into, error);
  if (!error)
    fs::create_directory(into, error);
  if (error)
    return system_failure("cannot make " + into, error.value());

  const auto first_log = first_log_of(rows, *options.env);
  bool is_any = false;
  fs::directory_iterator entry{rows, error};
  for (; !error && entry != fs::directory_iterator{}; entry.increment(error)) {
    const auto& file = entry->path();
    if (!is_wanted(file.filename(), first_log))
      continue;
    if (const auto failed = put(file, fs::path{into} / file.filename()))
      return system_failure("cannot copy " + file.string(), failed.value());
    is_any = true;
  }
  if (error)
    return system_failure("cannot read " + rows, error.value());
  if (!is_any)
    return std::make_unique<memory_store>();

  if (const auto status = rocksdb::RepairDB(into, options); !status.ok())
    return to_failure("cannot put together what is left in " + rows, status);
  auto opened = rocks_rows::open_to_read(into, options, gap_watch::gap_is::end);
  if (!opened)
    return to_failure("cannot read what is left in " + rows, opened.error());
  return *std::move(opened);
}

} // namespace starling::storage
