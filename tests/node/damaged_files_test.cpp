// Each kind of file that RocksDB has, damaged in each way, at some moments of a node's life.
//
// Whatever a start makes of such a folder: nothing that others have is gone once they have joined
// what this node has; a key that the node serves has all that was acknowledged; and nothing is
// numbered anew under the old replica id unless all that was numbered under it is there.

#include "node/home.hpp"
#include "storage/disk/rebuild.hpp"
#include "tests/storage/disk/losing_disk.hpp"
#include "tests/storage/rows.hpp"
#include "tests/storage/temporary_folder.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <gmock/gmock.h>
#include <sstream>
#include <thread>

namespace starling::node {
namespace {

namespace fs = std::filesystem;
using crdt::type;
using testing::HasSubstr;
using values = std::map<crdt::key, crdt::value>;

std::string read_file(const fs::path& path) {
  std::ostringstream result;
  result << std::ifstream{path, std::ios::binary}.rdbuf();
  return result.str();
}

void write_file(const fs::path& path, const std::string& text) {
  std::ofstream{path, std::ios::binary | std::ios::trunc} << text;
}

/// MANIFEST, CURRENT, IDENTITY, OPTIONS, LOCK, witness, .log or .sst.
std::string kind_of(const fs::path& file) {
  const auto name = file.filename().string();
  return file.has_extension() ? file.extension().string() : name.substr(0, name.find('-'));
}

/// In order.
std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> result;
  for (const auto& entry : fs::directory_iterator{folder})
    result.push_back(entry.path());
  std::ranges::sort(result);
  return result;
}

values joined(values all, const values& others) {
  for (const auto& [key, value] : others)
    all.try_emplace(key, key.type).first->second.join(value);
  return all;
}

enum class moment {
  KilledWithOneLog,
  KilledWithTwoLogs,
  KilledAfterARestart,
  KilledAfterFlushesAndACompaction,
  KilledAfterARebuild,
  KilledAfterLargeCommits,
};
constexpr std::array moments{moment::KilledWithOneLog,    moment::KilledWithTwoLogs,
                             moment::KilledAfterARestart, moment::KilledAfterFlushesAndACompaction,
                             moment::KilledAfterARebuild, moment::KilledAfterLargeCommits};
constexpr std::array moment_names{"KilledWithOneLog",    "KilledWithTwoLogs",
                                  "KilledAfterARestart", "KilledAfterFlushesAndACompaction",
                                  "KilledAfterARebuild", "KilledAfterLargeCommits"};

/// The life of a node's disk, up to some moment. Its rows are then in `end`; in `older` as they
/// were some writes before, and in `newer` as they were after some more.
class life {
public:
  life(const storage::temporary_folder& above, const std::string& name, std::uint64_t number,
       moment until)
      : self(crdt::replica_id::from(number, number)), data(above / name), kept_(above / name + "-"),
        number_(number) {
    fs::create_directory(kept_);
    fs::create_directory(above / name + "-graves");
    disk_ = std::make_shared<storage::losing_disk>(above / name + "-graves", 1);
    env_ = storage::machine_with(disk_);
    settings_ = storage::small_settings;
    settings_.env = env_.get();
    live_until(until);
    fs::copy(rows(), end());
    at_end = written;
    if (until == moment::KilledWithTwoLogs)
      disk_->settle();
    live([&](storage::store& s) { write_some(s, 8); });
    live([&](storage::store& s) { write_some(s, 3); });
    fs::rename(rows(), newer());
  }

  crdt::replica_id self;
  const std::string data;
  values at_end;
  values written; // in all

  fs::path rows() const { return data + "/rows"; }
  fs::path end() const { return kept_ + "/end"; }
  fs::path older() const { return kept_ + "/older"; }
  fs::path newer() const { return kept_ + "/newer"; }

  static replication::digester digests() { return digester_of(config::options{}); }

private:
  void live_until(moment until) {
    const auto commits = [&](std::size_t count) {
      live([&](storage::store& s) { write_some(s, count); });
    };
    switch (until) {
    case moment::KilledWithOneLog:
      break;
    case moment::KilledWithTwoLogs: {
      settings_.write_buffer_bytes = std::size_t{64} << 10;
      live([&](storage::store& s) {
        disk_->refuse(".sst");
        for (int i = 0; logs() < 2 && i < 3000; ++i)
          write_some(s, 1);
        EXPECT_EQ(logs(), 2) << "there is no second log";
        take_older();
        write_some(s, 1); // it may fail by now
      });
      return;
    }
    case moment::KilledAfterARestart:
      commits(30);
      break;
    case moment::KilledAfterFlushesAndACompaction:
      for (int i = 0; i < 5; ++i)
        commits(12);
      break;
    case moment::KilledAfterLargeCommits: // their records take several blocks of the log each
      commits(3);
      elements_ = 400;
      break;
    case moment::KilledAfterARebuild: {
      commits(30);
      ASSERT_FALSE(storage::order_rebuild(data, "a test"));
      auto folder = std::get<storage::folder>(storage::open_data_folder(data));
      const auto done = storage::rebuild_if_ordered(folder, storage::small_settings, digests());
      ASSERT_FALSE(std::holds_alternative<storage::failure>(done));
      self = crdt::replica_id::from(number_, 100); // for the old one is given up
      break;
    }
    }
    live([&](storage::store& s) {
      write_some(s, 15);
      for (int i = 0; until == moment::KilledAfterFlushesAndACompaction && s.parts().size() > 2;
           ++i) {
        ASSERT_LT(i, 1000) << "nothing was compacted";
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
      }
      take_older();
      write_some(s, 15);
    });
  }

  /// RocksDB may remove a file meanwhile, in a thread of its own.
  void take_older() {
    std::error_code failed;
    do {
      fs::remove_all(older());
      fs::copy(rows(), older(), failed);
    } while (failed == std::errc::no_such_file_or_directory);
    ASSERT_FALSE(failed) << failed.message();
  }

  int logs() const {
    return static_cast<int>(std::ranges::count_if(
        files_in(rows()), [](const auto& f) { return kind_of(f) == ".log"; }));
  }

  /// The process is killed at its end: nothing is closed in order.
  void live(const std::function<void(storage::store&)>& use) {
    auto prepared = storage::open_data_folder(data);
    ASSERT_TRUE(std::holds_alternative<storage::folder>(prepared));
    const auto found = storage::open_rows(rows(), settings_);
    const storage::evidence seen{std::get<storage::folder>(prepared).format_file()};
    ASSERT_FALSE(storage::keep_replica(*found.rows, seen, true, self));
    ASSERT_FALSE(storage::renew_digests(*found.rows, digests()));
    use(*found.rows);
  }

  void write_some(storage::store& s, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto n = ++writes_;
      const auto element = "element " + std::to_string(1000 + n);
      crdt::set_change change;
      change.add.push_back({{crdt::payload_kind::text, element}, {}});
      for (std::size_t k = 1; k < elements_; ++k)
        change.add.push_back(
            {{crdt::payload_kind::text, element + std::string(100, '.') + std::to_string(k)}, {}});
      if (n % 5 == 0)
        change.remove.push_back(
            {{crdt::payload_kind::text, "element " + std::to_string(1000 + n - 3)}, {}});
      write(s, {type::set, n % 3 == 0 ? "colours" : "fruits"}, change);
      if (n % 2 == 0)
        write(s, {type::counter, "c" + std::to_string(n % 7)},
              crdt::counter_add{static_cast<std::int64_t>(number_)});
      if (n % 4 == 0)
        write(s, {type::register_, "name"},
              crdt::register_assign{{crdt::payload_kind::text, element}});
    }
  }

  void write(storage::store& s, const crdt::key& key, const crdt::command& what) {
    const auto read = storage::read_value(*s.now(), key, UINT64_MAX, digests());
    ASSERT_TRUE(std::holds_alternative<std::optional<storage::held_value>>(read));
    auto value = std::get<0>(read).value_or(storage::held_value{key});
    storage::batch changed;
    value.apply(what, self, writes_, digests(), &changed);
    if (!s.commit({changed}, true))
      written.insert_or_assign(key, value.value());
  }

  std::string kept_;
  std::uint64_t number_;
  std::shared_ptr<storage::losing_disk> disk_;
  std::unique_ptr<rocksdb::Env> env_;
  storage::rocks_settings settings_;
  std::uint64_t writes_ = 0;
  std::size_t elements_ = 1; // in a write to a set
};

/// What happens to a file, `ours`, of the rows of a life; other files may take part.
struct damage {
  std::string name;
  std::function<void()> happen;
};

using cell = std::tuple<moment, std::string>;

class DamagedFiles : public testing::TestWithParam<cell> {
protected:
  DamagedFiles()
      : us_(above_, "data", 1, std::get<moment>(GetParam())),
        others_(above_, "other", 2, std::get<moment>(GetParam())) {}

  // -- kinds of damage --

  std::vector<damage> damages(const fs::path& ours) {
    const auto how = std::get<std::string>(GetParam());
    const auto good = read_file(ours);
    std::vector<damage> result;
    const auto becomes = [&](const std::string& name, const std::string& text) {
      if (text != good)
        result.push_back({name, [ours, text] { write_file(ours, text); }});
    };
    const auto becomes_one_of = [&](const fs::path& folder) {
      for (const auto& file : files_in(folder))
        if (kind_of(file) == kind_of(ours))
          becomes("is " + file.filename().string() + " of " + folder.filename().string(),
                  read_file(file));
    };
    if (how == "Missing")
      result.push_back({"missing", [ours] { fs::remove(ours); }});
    if (how == "Cut")
      for (const auto at : places_to_cut(ours, good))
        becomes("cut to " + std::to_string(at), good.substr(0, at));
    if (how == "Zeroed")
      for (const auto& [first, end] : {std::pair{good.size() * 2 / 3, good.size()},
                                       {good.size() / 3, good.size() * 2 / 3},
                                       {std::size_t{0}, good.size()}}) {
        auto text = good;
        std::fill(text.begin() + static_cast<std::ptrdiff_t>(first),
                  text.begin() + static_cast<std::ptrdiff_t>(end), '\0');
        becomes("zeros from " + std::to_string(first) + " to " + std::to_string(end), text);
      }
    if (how == "Flipped")
      for (std::size_t i = 0; i < 12 && !good.empty(); ++i) {
        const auto at = i < 2 ? i * 5 % good.size() : good.size() * i / 12;
        auto text = good;
        text[at] = static_cast<char>(text[at] ^ (1 << i % 8));
        becomes("flipped at " + std::to_string(at), text);
      }
    if (how == "Older")
      becomes_one_of(us_.older());
    if (how == "Newer")
      becomes_one_of(us_.newer());
    if (how == "Foreign")
      becomes_one_of(others_.end());
    if (how == "Swapped")
      for (const auto& other : files_in(us_.rows()))
        if (kind_of(other) == kind_of(ours) && other > ours)
          result.push_back({"swapped with " + other.filename().string(), [ours, other] {
                              const auto text = read_file(ours);
                              write_file(ours, read_file(other));
                              write_file(other, text);
                            }});
    if (how == "Joined" && (kind_of(ours) == ".log" || kind_of(ours) == ".sst"))
      for (const auto& folder : {us_.older(), us_.newer(), others_.end(), others_.newer()})
        for (const auto& file : files_in(folder))
          if (kind_of(file) == kind_of(ours) && !fs::exists(us_.rows() / file.filename()))
            result.push_back(
                {"joined by " + file.filename().string() + " of " + folder.filename().string(),
                 [this, file] { fs::copy(file, us_.rows() / file.filename()); }});
    return result;
  }

  static std::vector<std::size_t> places_to_cut(const fs::path& file, const std::string& text) {
    std::vector<std::size_t> result{0, text.size() / 2,
                                    text.size() - std::min<std::size_t>(1, text.size())};
    if (kind_of(file) != ".log" && kind_of(file) != "MANIFEST")
      return result;
    std::vector<std::size_t> boundaries;
    for (std::size_t at = 0; at + 7 <= text.size();) {
      boundaries.push_back(at);
      at += 7 + static_cast<unsigned char>(text[at + 4]) +
            (static_cast<std::size_t>(static_cast<unsigned char>(text[at + 5])) << 8);
    }
    for (std::size_t i = 0; i < boundaries.size(); i += 1 + boundaries.size() / 7)
      result.push_back(boundaries[i]);
    result.push_back(boundaries.back());
    return result;
  }

  // -- what a start makes of it --

  void restore() {
    fs::remove_all(us_.rows());
    for (const auto* left :
         {"/rows.old", "/rows.new", "/rows.remains", "/rows.damaged", "/damaged"})
      fs::remove_all(us_.data + left);
    fs::copy(us_.end(), us_.rows());
  }

  /// Whatever happens to such a file, a start mends it.
  static bool is_mended(const std::string& kind) { return kind == ".log"; }

  static bool is_harmless_if_damaged(const std::string& kind) {
    return kind.empty() || kind == "IDENTITY" || kind == "OPTIONS" || kind == "LOCK";
  }

  config::options options_of_node() const {
    config::options o;
    o.storage.data_dir = us_.data;
    o.node.identity_file = us_.data + "/identity";
    return o;
  }

  static crdt::value value_in(const home& h, const crdt::key& key) {
    const auto read = storage::read_unchecked(*h.rows->now(), key);
    const auto* kept = std::get_if<std::optional<crdt::value>>(&read);
    return kept != nullptr && *kept ? **kept : crdt::value{key.type};
  }

  static bool fails_in(const home& h, const crdt::key& key) {
    return std::holds_alternative<storage::failure>(
        storage::read_value(*h.rows->now(), key, UINT64_MAX, life::digests()));
  }

  /// After a file of this kind was damaged; of none, if it is empty.
  void start_and_check(const std::string& kind) {
    const bool is_harmless = is_harmless_if_damaged(kind);
    const auto opened = open_home(options_of_node());
    if (const auto* why = std::get_if<std::string>(&opened)) {
      EXPECT_FALSE(is_harmless || is_mended(kind)) << *why;
      EXPECT_THAT(*why, HasSubstr("start the node once with --accept-loss"));
      ++refused_;
      accept_loss_and_check(kind == "MANIFEST" || kind == "CURRENT");
      return;
    }
    const auto& node = std::get<home>(opened);
    const auto everything = joined(us_.written, others_.written);
    bool is_all_there = true;
    for (const auto& [key, all] : everything) {
      const auto here = value_in(node, key);
      auto peer = all;
      peer.join(here);
      EXPECT_TRUE(peer == all) << "a peer loses something of " << key.name;
      const auto acknowledged = us_.at_end.find(key);
      if (acknowledged == us_.at_end.end())
        continue;
      auto with = here;
      const bool lacks = with.join(acknowledged->second).has_value();
      if (fails_in(node, key))
        continue; // nothing is numbered for it until the rows are rebuilt
      is_all_there = is_all_there && !lacks;
      if (!node.lost.contains(key)) {
        EXPECT_FALSE(lacks) << key.name << " is served without all that was acknowledged";
      }
    }
    EXPECT_TRUE(is_all_there || node.who.replica != us_.self)
        << "numbers of events will be used twice";
    if (is_harmless) {
      EXPECT_TRUE(node.lost.empty());
      EXPECT_TRUE(is_all_there);
      EXPECT_EQ(node.who.replica, us_.self);
    }
    ++(node.lost.empty() ? served_ : closed_);
  }

  /// Of a folder that is refused otherwise. `is_list` says whether the damaged file only lists what
  /// others hold.
  void accept_loss_and_check(bool is_list) {
    const auto before = files_in(us_.rows());
    auto o = options_of_node();
    o.storage.accept_loss = true;
    auto opened = open_home(o);
    const auto* why = std::get_if<std::string>(&opened);
    ASSERT_EQ(why, nullptr) << *why;
    auto& node = std::get<home>(opened);
    const auto everything = joined(us_.written, others_.written);
    for (const auto& [key, all] : everything) {
      EXPECT_FALSE(fails_in(node, key)) << key.name;
      const auto here = value_in(node, key);
      auto peer = all;
      peer.join(here);
      EXPECT_TRUE(peer == all) << "a peer loses something of " << key.name;
      const auto acknowledged = us_.at_end.find(key);
      if (!is_list || acknowledged == us_.at_end.end())
        continue;
      auto with = here;
      EXPECT_FALSE(with.join(acknowledged->second)) << key.name << " could have been read";
    }
    EXPECT_TRUE(node.lost.empty()) << "nobody has accepted that";
    const auto replica = node.who.replica;
    EXPECT_NE(replica, us_.self) << "numbers of events may be used twice";
    for (const auto& file : before)
      EXPECT_TRUE(fs::exists(us_.data + "/rows.damaged/" + file.filename().string())) << file;

    node = home{};
    const auto again = open_home(options_of_node());
    ASSERT_TRUE(std::holds_alternative<home>(again)) << std::get<std::string>(again);
    EXPECT_EQ(std::get<home>(again).who.replica, replica);
  }

  void expect_all_open_if_loss_is_accepted() {
    auto o = options_of_node();
    o.storage.accept_loss = true;
    const auto opened = open_home(o);
    const auto* node = std::get_if<home>(&opened);
    ASSERT_TRUE(node) << std::get<std::string>(opened);
    EXPECT_TRUE(node->lost.empty());
    for (const auto& [key, value] : us_.at_end)
      EXPECT_FALSE(fails_in(*node, key)) << key.name;
  }

  storage::temporary_folder above_;
  life us_;
  life others_;
  int refused_ = 0;
  int closed_ = 0; // at least in part
  int served_ = 0;
};

TEST_P(DamagedFiles, LoseNothingAnywhere) {
  ASSERT_FALSE(HasFatalFailure());
  restore();
  start_and_check("");
  ASSERT_EQ(served_, 1) << "the sound folder is not";
  restore();
  for (const auto& file : files_in(us_.rows())) {
    const auto kind = kind_of(file);
    for (const auto& one : damages(file)) {
      SCOPED_TRACE(file.filename().string() + " " + one.name);
      restore();
      one.happen();
      start_and_check(kind);
      restore();
    }
  }
  RecordProperty("refused", refused_);
  RecordProperty("closed", closed_);
  RecordProperty("served", served_);
}

TEST_P(DamagedFiles, OpenIfLossIsAccepted) {
  ASSERT_FALSE(HasFatalFailure());
  restore();
  for (const auto& file : files_in(us_.rows()))
    for (const auto& one : is_mended(kind_of(file)) ? damages(file) : std::vector<damage>{}) {
      SCOPED_TRACE(file.filename().string() + " " + one.name);
      restore();
      one.happen();
      expect_all_open_if_loss_is_accepted();
      restore();
    }
}

std::string name_of(const testing::TestParamInfo<cell>& info) {
  return std::string{moment_names[static_cast<std::size_t>(std::get<moment>(info.param))]} + "_" +
         std::get<std::string>(info.param);
}

INSTANTIATE_TEST_SUITE_P(All, DamagedFiles,
                         testing::Combine(testing::ValuesIn(moments),
                                          testing::Values("Missing", "Cut", "Zeroed", "Flipped",
                                                          "Older", "Newer", "Swapped", "Foreign",
                                                          "Joined")),
                         name_of);

} // namespace
} // namespace starling::node
