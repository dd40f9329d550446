#include "storage/evidence.hpp"
#include "system/descriptor.hpp"
#include "tests/storage/temporary_folder.hpp"
#include "wire/bytes.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>

namespace starling::storage {
namespace {

const evidence kept{
    .format_file = {.inode = 11, .born_ns = 12, .changed_ns = 13, .modified_ns = 12, .device = 14},
    .lives = {{"word", {.inode = 21, .born_ns = 22, .changed_ns = 23, .device = 14}}},
    .address = "node-1:9080",
    .machine = "0123456789abcdef",
    .path = "/var/lib/starling"};

using changes = std::function<void(evidence&)>;

const changes other_device = [](evidence& e) { e.format_file.device = e.lives[0].file.device = 9; };
const changes other_machine = [](evidence& e) { e.machine = "another"; };
const changes other_path = [](evidence& e) { e.path = "/mnt/starling"; };

TEST(Evidence, IsOfTheSameDiskOrNot) {
  struct row {
    std::string name;
    std::vector<changes> what;
    bool is_same = false;
  };
  const std::vector<row> table{
      {"nothing", {}, true},
      {"another device number at each mount", {other_device}, true},
      {"another machine id in each container", {other_machine}, true},
      {"a folder that was renamed", {other_path}, true},
      {"owner or mode of all files, given anew at each start",
       {[](evidence& e) { e.format_file.changed_ns = e.lives[0].file.changed_ns = 99; }},
       true},
      {"machine and path that are not known", {[](evidence& e) { e.machine = e.path = ""; }}, true},
      {"a volume that was moved, or is a clone", {other_device, other_machine}},
      {"a clone beside the original", {other_device, other_path}},
      {"all that is cheap", {other_device, other_machine, other_path}},
      {"the address of one of two clones", {[](evidence& e) { e.address = "node-2:9080"; }}},
      {"a folder that was copied", {[](evidence& e) { e.format_file.inode = 99; }}},
      {"a copy that got the inode of its original",
       {[](evidence& e) { e.format_file.born_ns = 99; }}},
      {"a format that was written over", {[](evidence& e) { e.format_file.modified_ns = 99; }}},
      {"a life that was copied", {[](evidence& e) { e.lives[0].file.inode = 99; }}},
      {"a life that was copied to the inode that its original had",
       {[](evidence& e) { e.lives[0].file.born_ns = 99; }}},
      {"another life", {[](evidence& e) { e.lives[0].word = "other"; }}},
      {"no life", {[](evidence& e) { e.lives.clear(); }}},
      {"a log that was copied", {[](evidence& e) { e.has_copied_log = true; }}}};
  for (const auto& one : table) {
    auto now = kept;
    for (const auto& change : one.what)
      change(now);
    EXPECT_EQ(!difference(kept, now), one.is_same) << one.name;
  }
}

TEST(Evidence, GoesByTimesOfChangeWhereThereAreNoBirths) {
  auto before = kept;
  before.format_file.born_ns = before.lives[0].file.born_ns = 0;
  auto now = before;
  EXPECT_FALSE(difference(before, now));
  now.format_file.changed_ns = 99;
  EXPECT_TRUE(difference(before, now));
  now = before;
  now.lives[0].file.changed_ns = 99;
  EXPECT_TRUE(difference(before, now));
  before.lives[0].file.changed_ns = 0; // it was killed before that was known
  EXPECT_FALSE(difference(before, now));
}

TEST(Evidence, AcceptsEitherLifeOfTwo) {
  auto before = kept;
  before.lives.push_back({"next", {.inode = 31, .born_ns = 32}});
  auto now = kept;
  EXPECT_FALSE(difference(before, now));
  now.lives = {before.lives[1]};
  EXPECT_FALSE(difference(before, now));
  now.lives[0].word = "word";
  EXPECT_TRUE(difference(before, now));
  before.lives.clear(); // there was no room for one
  EXPECT_FALSE(difference(before, now));
}

TEST(Evidence, IsKeptAsBytes) {
  auto full = kept;
  full.lives.push_back({"next", {.inode = 31, .born_ns = 32}});
  wire::writer out;
  encode(out, full);
  wire::reader in{out.view()};
  const auto read = decode_evidence(in);
  in.expect_end();
  ASSERT_TRUE(in.ok());
  EXPECT_EQ(read.format_file, full.format_file);
  EXPECT_EQ(read.lives, full.lives);
  EXPECT_EQ(read.address, full.address);
  EXPECT_EQ(read.machine, full.machine);
  EXPECT_EQ(read.path, full.path);

  for (std::size_t size = 0; size < out.size(); ++size) {
    wire::reader cut{out.view().substr(0, size)};
    decode_evidence(cut);
    EXPECT_FALSE(cut.ok()) << size;
  }
  full.lives.push_back(full.lives[0]);
  wire::writer too_many;
  encode(too_many, full);
  wire::reader more{too_many.view()};
  decode_evidence(more);
  EXPECT_FALSE(more.ok());
}

} // namespace
} // namespace starling::storage
