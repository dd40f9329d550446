#include "storage/disk/rebuild.hpp"

#include "storage/disk/damage_note.hpp"
#include "storage/disk/remains.hpp"
#include "storage/disk/rocks_failure.hpp"

#include <filesystem>
#include <utility>

namespace starling::storage {

namespace {

namespace fs = std::filesystem;

rocksdb::Env& machine(const rocks_settings& settings) {
  return settings.env ? *settings.env : *rocksdb::Env::Default();
}

/// One rebuilding, step by step; each step says what went wrong, if something did.
class rebuilding {
public:
  rebuilding(const folder& data, const rocks_settings& settings)
      : path_(data.path()), rows_(data.rows()), new_rows_(path_ + "/rows.new"),
        old_rows_(path_ + "/rows.old"), remains_(path_ + "/rows.remains"), settings_(settings),
        env_(machine(settings)), order_(env_, path_) {}

  found<std::optional<rebuilt>> run(const replication::digester& digests) {
    if (auto failed = finish_what_was_begun())
      return std::move(*failed);
    const auto why = order_.read();
    if (!why)
      return std::nullopt;
    auto copied = copy(digests);
    if (const auto* failed = std::get_if<failure>(&copied);
        failed != nullptr && failed->kind == trouble::missing && settings_.gives_up)
      copied = copy_remains(digests);
    remove(remains_);
    if (auto* failed = std::get_if<failure>(&copied)) {
      remove(new_rows_); // they take room that may be lacking
      return std::move(*failed);
    }
    if (auto failed = swap())
      return std::move(*failed);
    auto& made = std::get<rebuilt>(copied);
    if (made.why.empty())
      made.why = *why;
    made.kept_in = kept_in_;
    return std::optional{std::move(made)};
  }

private:
  /// Where the old rows have made room, the new ones are complete.
  std::optional<failure> finish_what_was_begun() {
    if (!fs::exists(old_rows_))
      return std::nullopt;
    return fs::exists(rows_) ? clear_away() : put_in_place();
  }

  /// The reason is empty if it is only the one that the rebuilding was ordered for.
  found<rebuilt> copy(const replication::digester& digests) {
    if (auto failed = remove(new_rows_))
      return std::move(*failed);
    env_.DeleteFile(rows_ + mark).PermitUncheckedError(); // of an attempt that came to nothing
    auto takes_damage = settings_;
    takes_damage.takes_damage = true;
    auto from = open_rocks_store(rows_, takes_damage);
    if (auto* failed = std::get_if<failure>(&from))
      return std::move(*failed);
    auto to = open_rocks_store(new_rows_, settings_);
    if (auto* failed = std::get_if<failure>(&to))
      return std::move(*failed);
    const auto& found = std::get<opened>(from);
    return salvage(*found.rows->now(), *std::get<opened>(to).rows,
                   found.is_patchwork ? loss::silent : loss::fails, found.is_patchwork, digests);
  }

  /// Where the files do not tell all that belonged to them, somebody may still bring back what is
  /// missing.
  found<rebuilt> copy_remains(const replication::digester& digests) {
    if (auto failed = remove(new_rows_))
      return std::move(*failed);
    if (auto failed = mark_to_be_kept())
      return std::move(*failed);
    auto from = gather_remains(rows_, remains_, settings_);
    if (auto* failed = std::get_if<failure>(&from))
      return std::move(*failed);
    auto to = open_rocks_store(new_rows_, settings_);
    if (auto* failed = std::get_if<failure>(&to))
      return std::move(*failed);
    return salvage(*std::get<std::unique_ptr<store>>(from)->now(), *std::get<opened>(to).rows,
                   loss::silent, {}, digests);
  }

  static found<rebuilt> salvage(const moment& from, store& to, loss shows,
                                const std::optional<std::string>& why,
                                const replication::digester& digests) {
    auto copied = storage::salvage(from, to, digests, shows);
    if (auto* failed = std::get_if<failure>(&copied))
      return std::move(*failed);
    return rebuilt{why.value_or(""), std::get<salvaged>(std::move(copied))};
  }

  std::optional<failure> swap() {
    if (auto failed = rename(rows_, old_rows_))
      return failed;
    return put_in_place();
  }

  // -- old rows that are kept --

  static constexpr auto mark = "/given-up";

  std::optional<failure> mark_to_be_kept() {
    const auto status = rocksdb::WriteStringToFile(&env_, "", rows_ + mark, true);
    return status.ok() ? std::nullopt
                       : std::optional{to_failure("cannot write to " + rows_, status)};
  }

  /// Gives the old rows a name of their own.
  std::optional<failure> keep() {
    kept_in_ = path_ + "/rows.damaged";
    for (int i = 2; fs::exists(*kept_in_); ++i)
      kept_in_ = path_ + "/rows.damaged." + std::to_string(i);
    return rename(old_rows_, *kept_in_);
  }

  std::optional<failure> put_in_place() {
    if (auto failed = rename(new_rows_, rows_))
      return failed;
    return clear_away();
  }

  /// The old rows last: as long as they are there, nothing is to be rebuilt again.
  std::optional<failure> clear_away() {
    order_.erase();
    if (auto failed = sync())
      return failed;
    return fs::exists(old_rows_ + mark) ? keep() : remove(old_rows_);
  }

  std::optional<failure> rename(const std::string& from, const std::string& to) {
    if (const auto status = env_.RenameFile(from, to); !status.ok())
      return to_failure("cannot rename " + from + " to " + to, status);
    return sync();
  }

  std::optional<failure> sync() {
    const auto status = sync_folder(env_, path_);
    return status.ok() ? std::nullopt : std::optional{to_failure("cannot sync " + path_, status)};
  }

  static std::optional<failure> remove(const std::string& folder) {
    std::error_code error;
    fs::remove_all(folder, error);
    if (error)
      return failure{trouble::broken, "cannot remove " + folder + ": " + error.message()};
    return std::nullopt;
  }

  std::string path_;
  std::string rows_;
  std::string new_rows_;
  std::string old_rows_;
  std::string remains_;
  std::optional<std::string> kept_in_; // old rows, for good
  rocks_settings settings_;
  rocksdb::Env& env_;
  damage_note order_;
};

} // namespace

std::optional<failure> order_rebuild(const std::string& data_folder, const std::string& why) {
  auto& env = *rocksdb::Env::Default();
  const auto status = damage_note{env, data_folder}.write(why);
  if (status.ok())
    return std::nullopt;
  return to_failure("cannot note the damage in " + data_folder, status);
}

found<std::optional<rebuilt>> rebuild_if_ordered(const folder& data, const rocks_settings& settings,
                                                 const replication::digester& digests) {
  return rebuilding{data, settings}.run(digests);
}

} // namespace starling::storage
