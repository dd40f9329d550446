#include "node/home.hpp"

#include "actors/storage.hpp"
#include "storage/disk/life_file.hpp"
#include "storage/disk/members_file.hpp"
#include "storage/disk/rebuild.hpp"
#include "storage/disk/rocks_store.hpp"
#include "storage/disk/room.hpp"
#include "storage/disk/stamps.hpp"
#include "storage/kept_since.hpp"
#include "storage/memory_store.hpp"
#include "storage/tally_rows.hpp"
#include "storage/witnesses.hpp"
#include "system/log.hpp"
#include "system/random.hpp"
#include "wire/result.hpp"
#include "wire/seal.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <utility>

namespace starling::node {

namespace {

using cause = storage::renewal::cause;

std::chrono::milliseconds tolerance_of(const config::options& o) {
  return std::chrono::ceil<std::chrono::milliseconds>(o.swim.clock_tolerance);
}

/// Says why a node has not the id that its file had, if it has not.
wire::result<identity, std::string> told(wire::result<identity, std::string> adopted) {
  if (adopted && !adopted->warning.empty())
    log::warn("node", "{}", adopted->warning);
  return adopted;
}

/// The node's id as it is kept in a file, or a new one.
wire::result<identity, std::string> adopt_node_id(const config::options& o) {
  const auto& file = o.node.identity_file;
  if (file.empty())
    return draw_identity();
  if (!o.storage.new_identity)
    return told(adopt_identity(file, tolerance_of(o)));
  const auto fresh = draw_identity();
  if (auto failure = keep_identity(file, fresh.node, fresh.generation))
    return std::move(*failure);
  return fresh;
}

storage::rocks_settings settings_for(const config::options& o) {
  return {.block_cache_bytes = o.storage.cache,
          .write_buffer_bytes = o.storage.write_buffer,
          .tell = [](std::string_view what) { log::warn("rocksdb", "{}", what); },
          .gives_up = o.storage.accept_loss};
}

void tell_of_renewal(const home& at) {
  if (at.renewed)
    log::warn("storage", "this node numbers its events under a new replica id, {}: {}",
              to_string(at.who.replica), at.renewed->why);
}

/// Opens the rows, after they are rebuilt if they have to be.
wire::result<storage::opened, storage::failure> open_rows(const config::options& o, home& into) {
  auto& folder = *into.folder;
  const auto settings = settings_for(o);
  if (folder.is_of_format_1())
    log::info("storage", "the rows in {} are those of format 1 and are migrated now",
              folder.path());
  const auto done = storage::rebuild_if_ordered(folder, settings, digester_of(o));
  if (!done) {
    if (done.error().kind != storage::trouble::full || folder.is_of_format_1())
      return done.error();
    log::error("storage", "{}; damaged rows stay as they are until there is room",
               done.error().what);
  } else if (const auto& made = *done) {
    if (made->why.empty())
      log::info("storage", "rows of format 1 are migrated: {} keys", made->rows.kept);
    else
      log::warn("storage", "rows are rebuilt ({}): {} keys are whole, {} ranges of keys are lost",
                made->why, made->rows.kept, made->rows.lost.ranges().size());
    if (made->kept_in)
      log::warn("storage", "the rows as they were are kept in {}: remove it when it is not needed",
                *made->kept_in);
    if (!made->why.empty())
      into.renewed = {cause::damaged, "its rows were rebuilt"};
  }
  return storage::open_rocks_store(folder.rows(), settings);
}

/// The first line of a file that names this machine, or this container; empty if there is none.
std::string name_of_machine() {
  constexpr std::size_t bytes_max = 256;
  std::string result;
  std::ifstream file{"/etc/machine-id"};
  std::getline(file, result);
  return result.size() <= bytes_max ? result : std::string{};
}

/// What the disk shows of itself, before anything of it is opened.
storage::evidence look_at(const storage::folder& folder, const config::options& o) {
  storage::evidence result{.format_file = folder.format_file(),
                           .has_copied_log = storage::has_copied_log(folder.rows()),
                           .address = o.cluster.advertise,
                           .machine = name_of_machine()};
  std::error_code ignored; // then the path is not known
  result.path = std::filesystem::canonical(folder.path(), ignored);
  auto life = storage::read_life(folder.path());
  if (!life)
    log::warn("storage", "{}", life.error().what);
  else if (auto& present = *life)
    result.lives.push_back(std::move(*present));
  return result;
}

/// Whether all that leaves the node is synced before.
bool is_careful(const config::options& o) {
  return actors::durability_of(o.storage.durability) == actors::durability::sync;
}

/// Finds out under which id events are numbered, and begins a new life of the folder. Where there
/// is no room for its file, the last one goes on.
wire::possible<storage::failure> adopt_replica(const config::options& o, storage::store& rows,
                                               home& into) {
  const auto& path = into.folder->path();
  const auto draft = storage::draft_life(path, system::random_bits(), system::random_bits());
  if (!draft)
    log::warn("storage", "{}", draft.error().what);
  auto replica = storage::adopt_replica(rows, into.seen, is_careful(o), into.who.replica,
                                        draft ? std::optional{*draft} : std::nullopt);
  if (!replica)
    return std::move(replica).error();
  const auto& taken = *replica;
  into.who.replica = taken.id;
  into.has_fresh_id = taken.is_fresh;
  if (taken.renewed)
    into.renewed = o.storage.new_identity
                       ? storage::renewal{cause::asked_for, "storage.new-identity was given"}
                       : *taken.renewed;
  tell_of_renewal(into);
  if (!draft)
    return std::nullopt;
  auto made = storage::put_life_in_place(path);
  if (!made)
    return std::move(made).error();
  into.seen.lives = {*std::move(made)};
  into.seen.format_file = into.folder->format_file(); // a migration has written to it
  return storage::keep_replica(rows, into.seen, is_careful(o), taken.id);
}

/// What the disk knows of how far nodes got. Where others told it of more changes of its own than
/// it has, it ends the id at once: it was killed before it could.
wire::possible<storage::failure> adopt_tallies(const config::options& o, storage::store& rows,
                                               home& into) {
  const auto at = rows.now();
  auto changes = storage::read_own_changes(*at);
  if (!changes)
    return std::move(changes).error();
  auto tallies = storage::read_tallies(*at);
  if (!tallies)
    return std::move(tallies).error();
  auto former = storage::read_former_ids(*at);
  if (!former)
    return std::move(former).error();
  into.former = *std::move(former);
  auto witnesses = storage::read_witnesses(*at);
  if (!witnesses)
    return std::move(witnesses).error();
  into.witnesses = *std::move(witnesses);
  into.changes = *changes;
  into.tallies = *std::move(tallies);
  auto own = into.former;
  own.push_back({into.who.replica, into.changes});
  if (std::ranges::none_of(into.tallies, [&](const auto& t) {
        return std::ranges::any_of(own, [&t](const auto& mine) {
          return t.replica == mine.replica && t.changes > mine.changes;
        });
      }))
    return std::nullopt;
  into.former.clear();
  into.who.replica = crdt::replica_id::from(system::random_bits(), system::random_bits());
  into.has_fresh_id = true;
  into.renewed = {cause::set_back, "others knew more"};
  tell_of_renewal(into);
  auto change = storage::keeping_replica(into.seen, is_careful(o), into.who.replica);
  storage::forget_kept_since(change);
  return rows.commit({change}, true);
}

/// Requires: it is settled whether the replica id is kept.
wire::possible<storage::failure> adopt_kept_since(storage::store& rows, home& into) {
  auto since = storage::adopt_kept_since(rows, {into.who.session.bits});
  if (!since)
    return std::move(since).error();
  into.kept_since = *since;
  return std::nullopt;
}

wire::possible<storage::failure> adopt_members(const storage::snapshot& at, const std::string& name,
                                               std::vector<membership::remembered_member>& into) {
  auto row = at.find(name);
  if (!row)
    return std::move(row).error();
  const auto& bytes = *row;
  if (!bytes)
    return std::nullopt;
  auto read = membership::decode_remembered(*bytes);
  if (!read) // they tell of themselves again
    log::warn("storage", "cannot read the members of the last life: {}", read.error().what);
  else
    into = *std::move(read);
  return std::nullopt;
}

/// Looks whether there are no rows although the folder has had a life, which begins with some.
wire::possible<storage::failure> look_for_rows(const storage::snapshot& at, home& into) {
  if (into.seen.lives.empty())
    return std::nullopt;
  into.were_rows_removed = true;
  auto failed = at.scan("", "\xff", [&](auto, auto) { return into.were_rows_removed = false; });
  if (failed || !into.were_rows_removed)
    return failed;
  into.renewed = {cause::damaged, "its rows were removed"};
  log::warn("storage",
            "there are no rows in {}, though there were: what this node had is gone, but for what "
            "other nodes bring back",
            into.folder->path());
  return std::nullopt;
}

/// Where the row of the members is lost as well, the file beside the rows says who may help; where
/// an older row was saved, that knows of more who had all that is lost: nobody is noted as such
/// since. For the rest it is not believed any more from now on, as members that come later are in
/// it.
wire::possible<storage::failure> find_rescuers(storage::store& rows, home& into) {
  const auto read = membership::decode_remembered(storage::kept_members(into.folder->path()));
  const auto* members = std::get_if<std::vector<membership::remembered_member>>(&read);
  if (members == nullptr)
    return std::nullopt;
  const auto of_all = membership::holders_among(*members);
  auto rescuers = into.rescuers.empty() ? *members : into.rescuers;
  for (const auto& one : *members)
    if (one.kept_since &&
        std::ranges::count(rescuers, one.id, &membership::remembered_member::id) == 0)
      rescuers.push_back({one.id, one.address});
  membership::note_holders(rescuers, of_all);
  membership::note_holders(into.members, of_all);
  if (rescuers == into.rescuers)
    return std::nullopt;
  into.rescuers = std::move(rescuers);
  storage::batch row;
  row.put(storage::rescuers_row(), membership::encode(into.rescuers));
  return rows.commit({row}, true);
}

/// Takes up what is on the disk, under the replica id that `into` has if another is needed.
wire::possible<storage::failure> adopt_rows(const config::options& o, home& into) {
  into.seen = look_at(*into.folder, o);
  auto opened = open_rows(o, into);
  if (!opened)
    return std::move(opened).error();
  auto& rows = opened->rows;
  const auto& damage = opened->damage;
  into.seen.is_whole = !damage && !o.storage.new_identity;
  if (damage)
    log::warn("storage", "{}", *damage);
  if (auto why = look_for_rows(*rows->now(), into))
    return why;
  if (auto why = adopt_replica(o, *rows, into))
    return why;
  // The first commit that is synced makes the store forget its damage, so it must be the one above.
  if (auto why = storage::renew_digests(*rows, digester_of(o)))
    return why;
  if (auto why = adopt_tallies(o, *rows, into))
    return why;
  if (auto why = adopt_kept_since(*rows, into))
    return why;
  if (auto why = adopt_members(*rows->now(), storage::members_row(), into.members))
    return why;
  if (auto why = adopt_members(*rows->now(), storage::rescuers_row(), into.rescuers))
    return why;
  if (o.storage.accept_loss)
    if (auto why = storage::forget_lost_keys(*rows))
      return why;
  auto lost = storage::read_lost_keys(*rows->now());
  if (!lost)
    return std::move(lost).error();
  into.lost = *std::move(lost);
  if (!into.lost.empty())
    if (auto why = find_rescuers(*rows, into))
      return why;
  into.rows = std::move(rows);
  return std::nullopt;
}

/// What can be read of a folder that has no room to be migrated: what the node noted about itself
/// has the same names. No key can be found, so all of them count as lost until there is room.
storage::found<std::unique_ptr<storage::memory_store>>
only_rows_of_node(const storage::snapshot& at, const storage::failure& cannot_write) {
  storage::batch copied;
  const auto [first, end] = storage::all_node_rows();
  if (auto failed = at.scan(first, end, [&](std::string_view name, std::string_view row) {
        copied.put(name, row);
        return true;
      }))
    return std::move(*failed);
  storage::lost_keys all;
  const auto [first_key, behind_keys] = storage::all_listed();
  all.add(first_key, behind_keys);
  put(copied, all);
  auto result = std::make_unique<storage::memory_store>();
  if (auto failed = result->commit({copied}, false))
    return std::move(*failed);
  result->break_down(cannot_write);
  return result;
}

/// What can be read of a disk that takes no writes, for this reason.
wire::result<home, std::string> open_to_read(const config::options& o, storage::folder folder,
                                             storage::failure why) {
  auto who = o.node.identity_file.empty()
                 ? wire::result<identity, std::string>{draw_identity()}
                 : told(look_up_identity(o.node.identity_file, tolerance_of(o)));
  if (!who)
    return "node.identity-file: " + who.error();
  auto opened = storage::open_rocks_store_to_read(folder.rows(), settings_for(o));
  if (!opened)
    return opened.error().what;
  std::shared_ptr<storage::store> rows = *std::move(opened);
  if (folder.is_of_format_1()) {
    auto of_node = only_rows_of_node(*rows->now(), why);
    if (!of_node)
      return of_node.error().what;
    rows = *std::move(of_node);
  }
  const auto now = rows->now();
  const auto secret = storage::secret_of_digests(*now, digester_of(o));
  if (!secret)
    return secret.error().what;
  if (*secret != storage::digest_secret::ours)
    return "another cluster.key or cluster.name needs room, too";
  auto lost = storage::read_lost_keys(*now);
  if (!lost)
    return lost.error().what;
  log::error("storage", "{}; this node reads what is there, and writes nothing until there is room",
             why.what);
  home result{.who = *std::move(who),
              .folder = std::move(folder),
              .rows = std::move(rows),
              .lost = *std::move(lost),
              .cannot_write = std::move(why)};
  if (result.folder->is_of_format_1())
    result.room_needed = storage::bytes_in(result.folder->rows());
  auto tallies = storage::read_tallies(*now);
  if (tallies) // others may ask
    result.tallies = *std::move(tallies);
  if (const auto failed = adopt_members(*now, storage::members_row(), result.members))
    return failed->what;
  if (const auto failed = adopt_members(*now, storage::rescuers_row(), result.rescuers))
    return failed->what;
  return result;
}

bool can_be_rebuilt(const storage::failure& why, const config::options& o) {
  return why.kind == storage::trouble::corrupted ||
         (why.kind == storage::trouble::missing && o.storage.accept_loss);
}

/// A sentence about it, with the way out if there is one.
std::string explain(const storage::failure& why) {
  if (why.kind != storage::trouble::missing)
    return why.what;
  return why.what +
         "; nothing was changed. Bring the file back as it was when the node ended; or start the "
         "node once with --accept-loss: it keeps what can be read and is whole, leaves these rows "
         "beside the new ones, and takes from other nodes what they have";
}

/// What is on the disk, to be written as well; why not, if not.
wire::possible<storage::failure> open_to_write(const config::options& o, home& into) {
  // Small files come first, and an attempt to open rows without room leaves others behind.
  if (auto why = storage::lack_of_room(into.folder->path(), 0))
    return why;
  auto adopted = adopt_node_id(o);
  if (!adopted) {
    const auto file = std::filesystem::absolute(o.node.identity_file);
    const auto lack = storage::lack_of_room(file.parent_path(), 0);
    const auto kind = lack ? lack->kind : storage::trouble::broken;
    return storage::failure{kind, "node.identity-file: " + adopted.error()};
  }
  into.who = *std::move(adopted);
  const auto fresh = into.who.replica;
  auto failed = adopt_rows(o, into);
  if (failed && can_be_rebuilt(*failed, o) &&
      !storage::order_rebuild(into.folder->path(), failed->what)) {
    into.who.replica = fresh;
    failed = adopt_rows(o, into);
  }
  return failed;
}

} // namespace

wire::result<home, std::string> open_home(const config::options& o, bool goes_on) {
  home result;
  if (o.storage.in_memory) {
    auto adopted = adopt_node_id(o);
    if (!adopted)
      return "node.identity-file: " + adopted.error();
    result.who = *std::move(adopted);
    return result;
  }
  auto prepared = storage::open_data_folder(o.storage.data_dir);
  if (!prepared)
    return "storage.data-dir: " + prepared.error().what;
  result.folder = *std::move(prepared);
  const auto failed = open_to_write(o, result);
  if (!failed)
    return result;
  if (failed->kind != storage::trouble::full && !goes_on)
    return "storage.data-dir: " + explain(*failed);
  auto readable = open_to_read(o, *std::exchange(result.folder, std::nullopt), *failed);
  if (!readable)
    return "storage.data-dir: " + explain(*failed) + "; nor can it be read: " + readable.error();
  return readable;
}

replication::digester digester_of(const config::options& o) {
  const wire::secret ours{o.cluster.name, o.cluster.key};
  const wire::secret whatever_the_key{o.cluster.name, {}};
  return replication::digester{ours.sign("digest", {}), whatever_the_key.sign("position", {})};
}

} // namespace starling::node
