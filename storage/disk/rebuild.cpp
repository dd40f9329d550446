#include "storage/disk/rebuild.hpp"

#include "storage/disk/damage_note.hpp"
#include "storage/disk/examination.hpp"
#include "storage/disk/leftover_files.hpp"
#include "storage/disk/rocks_failure.hpp"
#include "storage/disk/room.hpp"
#include "storage/memory_store.hpp"

#include <filesystem>
#include <utility>

namespace starling::storage {

namespace {

namespace fs = std::filesystem;

rocksdb::Env& machine(const rocks_settings& settings) {
  return settings.env ? *settings.env : *rocksdb::Env::Default();
}

/// One rebuild, step by step; each step says what went wrong, if something did.
class rebuild_job {
public:
  rebuild_job(folder& data, const rocks_settings& settings)
      : data_(data), path_(data.path()), rows_(data.rows()), new_rows_(path_ + "/rows.new"),
        migrated_(path_ + "/rows.migrated"), old_rows_(path_ + "/rows.old"),
        remains_(path_ + "/rows.remains"), settings_(settings), env_(machine(settings)),
        order_(env_, path_) {}

  found<std::optional<rebuilt>> run(const replication::digester& digests) {
    if (auto failed = finish_what_was_begun())
      return std::move(*failed);
    const auto why = order_.read();
    if (!why && !data_.is_of_format_1())
      return std::nullopt;
    auto copied = data_.is_of_format_1() ? migrate(digests) : copy(digests);
    if (!copied && copied.error().kind == trouble::missing && settings_.gives_up)
      copied = copy_leftovers(digests);
    // Whoever begins the next attempt removes what cannot be removed now.
    static_cast<void>(remove(remains_));
    if (!copied) {
      static_cast<void>(remove(new_rows_)); // they take room that may be lacking
      return std::move(copied).error();
    }
    if (auto failed = swap())
      return std::move(*failed);
    auto& made = *copied;
    if (made.why.empty())
      made.why = why.value_or(made.rows.is_all_there ? "" : "rows of format 1 were damaged");
    made.kept_in = kept_in_;
    return std::optional{std::move(made)};
  }

private:
  /// Where the old rows have made room, the new ones are complete. So are those of a migration that
  /// has happened; before, the old ones may have changed since.
  wire::possible<failure> finish_what_was_begun() {
    if (fs::exists(migrated_))
      return data_.is_of_format_1() ? remove(migrated_) : finish_migration();
    if (!fs::exists(old_rows_))
      return std::nullopt;
    return fs::exists(rows_) ? clear_away() : put_in_place();
  }

  const source_layout& layout() const {
    return data_.is_of_format_1() ? layout_of_format_1() : present_layout();
  }

  /// The old rows are opened as if they were damaged, so that nothing of them changes.
  found<rebuilt> migrate(const replication::digester& digests) {
    if (auto why = lack_of_room(path_, bytes_in(rows_)))
      return std::move(*why);
    const auto at_start = look_at_rows();
    if (!at_start)
      return at_start.error();
    if (*at_start != finding::kind::nothing)
      return copy(digests);
    if (auto failed = remove(new_rows_))
      return std::move(*failed);
    auto to = open_rocks_store(new_rows_, settings_);
    if (!to)
      return std::move(to).error();
    return rebuilt{"", {.is_all_there = true}};
  }

  found<finding::kind> look_at_rows() {
    if (!fs::exists(rows_))
      return finding::kind::nothing;
    const auto boot = settings_.boot.empty() ? boot_of_machine() : settings_.boot;
    const auto found = examine(env_, rows_, boot);
    if (!found)
      return to_failure("cannot look at the rows in " + rows_, found.error());
    return found->what;
  }

  /// The reason is empty if it is only the one that the rebuild_job was ordered for.
  found<rebuilt> copy(const replication::digester& digests) {
    if (auto failed = remove(new_rows_))
      return std::move(*failed);
    env_.DeleteFile(rows_ + mark).PermitUncheckedError(); // of an attempt that came to nothing
    auto takes_damage = settings_;
    takes_damage.takes_damage = true;
    auto from = open_rocks_store(rows_, takes_damage);
    if (!from)
      return std::move(from).error();
    auto to = open_rocks_store(new_rows_, settings_);
    if (!to)
      return std::move(to).error();
    const auto& found = *from;
    const auto shown = found.rows->now();
    const bool may_keep_replica = data_.is_of_format_1() && !order_.read() && !found.damage;
    const auto& why = data_.is_of_format_1() && found.damage ? found.damage : found.is_patchwork;
    return salvage({*shown, layout(), may_keep_replica}, *to->rows,
                   found.is_patchwork ? loss::silent : loss::fails, why, digests);
  }

  /// Where the files do not tell all that belonged to them, somebody may still bring back what is
  /// missing.
  found<rebuilt> copy_leftovers(const replication::digester& digests) {
    if (auto failed = remove(new_rows_))
      return std::move(*failed);
    if (auto failed = mark_to_be_kept())
      return std::move(*failed);
    auto from = gather_leftovers(rows_, remains_, settings_);
    if (!from)
      return std::move(from).error();
    auto to = open_rocks_store(new_rows_, settings_);
    if (!to)
      return std::move(to).error();
    const auto shown = (*from)->now();
    return salvage({*shown, layout()}, *to->rows, loss::silent, {}, digests);
  }

  static found<rebuilt> salvage(const source& from, store& to, loss shows,
                                const std::optional<std::string>& why,
                                const replication::digester& digests) {
    auto copied = storage::salvage(from, to, digests, shows);
    if (!copied)
      return std::move(copied).error();
    return rebuilt{why.value_or(""), *std::move(copied)};
  }

  wire::possible<failure> swap() {
    if (data_.is_of_format_1()) {
      if (auto failed = rename(new_rows_, migrated_))
        return failed;
      if (auto failed = data_.become_present())
        return failed;
      return finish_migration();
    }
    if (auto failed = rename(rows_, old_rows_))
      return failed;
    return put_in_place();
  }

  /// The new rows are complete. The old ones are there unless they have made room already.
  wire::possible<failure> finish_migration() {
    if (fs::exists(rows_))
      if (auto failed = rename(rows_, old_rows_))
        return failed;
    if (auto failed = rename(migrated_, rows_))
      return failed;
    return clear_away();
  }

  // -- old rows that are kept --

  static constexpr auto mark = "/given-up";

  wire::possible<failure> mark_to_be_kept() {
    const auto status = rocksdb::WriteStringToFile(&env_, "", rows_ + mark, true);
    return status.ok() ? std::nullopt
                       : std::optional{to_failure("cannot write to " + rows_, status)};
  }

  /// Gives the old rows a name of their own.
  wire::possible<failure> keep() {
    kept_in_ = path_ + "/rows.damaged";
    for (int i = 2; fs::exists(*kept_in_); ++i)
      kept_in_ = path_ + "/rows.damaged." + std::to_string(i);
    return rename(old_rows_, *kept_in_);
  }

  wire::possible<failure> put_in_place() {
    if (auto failed = rename(new_rows_, rows_))
      return failed;
    return clear_away();
  }

  /// The old rows last: as long as they are there, nothing is to be rebuilt again.
  wire::possible<failure> clear_away() {
    order_.erase();
    if (auto failed = sync())
      return failed;
    return fs::exists(old_rows_ + mark) ? keep() : remove(old_rows_);
  }

  wire::possible<failure> rename(const std::string& from, const std::string& to) {
    if (const auto status = env_.RenameFile(from, to); !status.ok())
      return to_failure("cannot rename " + from + " to " + to, status);
    return sync();
  }

  wire::possible<failure> sync() {
    const auto status = sync_folder(env_, path_);
    return status.ok() ? std::nullopt : std::optional{to_failure("cannot sync " + path_, status)};
  }

  wire::possible<failure> remove(const std::string& folder) {
    std::error_code error;
    fs::recursive_directory_iterator at{folder, error};
    for (; !error && at != fs::recursive_directory_iterator{}; at.increment(error))
      if (at->is_regular_file())
        if (const auto status = env_.DeleteFile(at->path()); !status.ok())
          return to_failure("cannot remove " + at->path().string(), status);
    fs::remove_all(folder, error);
    if (error)
      return failure{trouble::broken, "cannot remove " + folder + ": " + error.message()};
    return std::nullopt;
  }

  folder& data_;
  std::string path_;
  std::string rows_;
  std::string new_rows_;
  std::string migrated_; // new rows, complete
  std::string old_rows_;
  std::string remains_;
  std::optional<std::string> kept_in_; // old rows, for good
  rocks_settings settings_;
  rocksdb::Env& env_;
  damage_note order_;
};

} // namespace

wire::possible<failure> order_rebuild(const std::string& data_folder, const std::string& why) {
  auto& env = *rocksdb::Env::Default();
  const auto status = damage_note{env, data_folder}.write(why);
  if (status.ok())
    return std::nullopt;
  return to_failure("cannot note the damage in " + data_folder, status);
}

found<std::optional<rebuilt>> rebuild_if_ordered(folder& data, const rocks_settings& settings,
                                                 const replication::digester& digests) {
  return rebuild_job{data, settings}.run(digests);
}

} // namespace starling::storage
