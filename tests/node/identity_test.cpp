#include "node/identity.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

namespace starling::node {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class Identity : public ::testing::Test {
protected:
  Identity() { std::filesystem::create_directory(folder); }
  ~Identity() override { std::filesystem::remove_all(folder); }

  identity taken() {
    auto result = adopt_identity(path, tolerated);
    if (const auto* failure = std::get_if<std::string>(&result)) {
      ADD_FAILURE() << *failure;
      return {};
    }
    return std::get<identity>(result);
  }

  std::string refused() {
    const auto result = adopt_identity(path, tolerated);
    const auto* failure = std::get_if<std::string>(&result);
    EXPECT_TRUE(failure) << "it was taken up";
    return failure ? *failure : "";
  }

  void write(const std::string& text) { std::ofstream{path, std::ios::binary} << text; }

  std::string text() {
    std::ostringstream result;
    result << std::ifstream{path}.rdbuf();
    return result.str();
  }

  const std::filesystem::path folder = std::filesystem::path{::testing::TempDir()} /
                                       ("starling_identity_" + std::to_string(::getpid()));
  const std::string path = folder / "identity";
  std::chrono::milliseconds tolerated = 24h;
};

const std::string node = "000102030405060708090a0b0c0d0e0f";

std::string version_1(std::uint64_t generation) {
  return "starling identity 1\nnode " + node + "\ngeneration " + std::to_string(generation) + "\n";
}

TEST_F(Identity, IsDrawnAnewWithoutAFile) {
  const auto one = draw_identity();
  const auto two = draw_identity();

  EXPECT_NE(one.node, two.node);
  EXPECT_NE(one.session, two.session);
  EXPECT_NE(one.replica, two.replica);
  EXPECT_LE(one.started, two.started);
  EXPECT_EQ(one.generation, one.started);
}

TEST_F(Identity, GoesOnInTheNextLife) {
  const auto first = taken();
  const auto second = taken();

  EXPECT_EQ(second.node, first.node);
  EXPECT_GT(second.generation, first.generation);
  EXPECT_NE(second.session, first.session);
  EXPECT_NE(second.replica, first.replica) << "no event number is used twice";
}

TEST_F(Identity, IsAboveTheLastLifeEvenIfTheClockWasSetBack) {
  const auto ahead = draw_identity().started + 3'600'000;
  write(version_1(ahead));

  const auto next = taken();

  EXPECT_EQ(to_string(next.node), node);
  EXPECT_EQ(next.generation, ahead + 1);
  EXPECT_EQ(next.last_generation, ahead);
  EXPECT_EQ(next.warning, "");
}

TEST_F(Identity, IsTakenFromAFileOfAnEarlierVersionAndWrittenInThisOne) {
  write(version_1(1'700'000'000'000));

  const auto next = taken();

  EXPECT_EQ(to_string(next.node), node);
  EXPECT_THAT(text(), HasSubstr("starling identity 2\nnode " + node + "\ngeneration " +
                                std::to_string(next.generation) + "\ncheck "));
}

TEST_F(Identity, IsANewOneIfTheLastLifeIsFurtherAheadThanTolerated) {
  for (const auto more : {1h, 24h * 40, 24h * 3650}) {
    SCOPED_TRACE(more.count());
    const auto ahead =
        draw_identity().started + static_cast<std::uint64_t>((tolerated + more) / 1ms);
    write(version_1(ahead));

    const auto next = taken();

    EXPECT_NE(to_string(next.node), node);
    EXPECT_EQ(next.generation, next.started);
    EXPECT_EQ(next.last_generation, 0u) << "it is not known what lives others saw";
    EXPECT_THAT(next.warning, HasSubstr("swim.clock-tolerance"));
    EXPECT_THAT(next.warning, HasSubstr(node));
    const auto after = taken();
    EXPECT_EQ(after.node, next.node) << "it is kept";
    EXPECT_EQ(after.warning, "");
  }
}

TEST_F(Identity, IsNeverTakenFromAFileWithAFlippedBit) {
  const auto first = taken();
  const auto good = text();
  for (std::size_t bit = 0; bit < 8 * good.size(); bit += 3) { // each byte has some
    SCOPED_TRACE(bit);
    auto bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    write(bad);

    const auto next = taken();

    EXPECT_NE(next.node, first.node);
    EXPECT_THAT(next.warning, HasSubstr("damaged"));
    EXPECT_EQ(next.generation, next.started);
    EXPECT_TRUE(std::filesystem::exists(path + ".damaged"));
  }
}

TEST_F(Identity, OfAnEarlierVersionWithAFlippedBitLocksNobodyOut) {
  const auto good = version_1(draw_identity().started - 1000);
  for (std::size_t bit = 0; bit < 8 * good.size(); bit += 3) { // each byte has some
    SCOPED_TRACE(bit);
    auto bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    write(bad);

    const auto next = taken();

    EXPECT_LE(next.generation, next.started + static_cast<std::uint64_t>(tolerated / 1ms));
    EXPECT_TRUE(next.generation == next.started || next.warning.empty());
  }
}

TEST_F(Identity, IsNeverTakenFromAFileThatIsCutOrZeroed) {
  const auto first = taken();
  const auto good = text();
  for (std::size_t size = 0; size < good.size(); ++size) {
    SCOPED_TRACE(size);
    for (const auto& bad : {good.substr(0, size), std::string(size, '\0'),
                            good.substr(0, size) + std::string(good.size() - size, '\0')}) {
      write(bad);
      const auto next = taken();
      EXPECT_NE(next.node, first.node);
      EXPECT_THAT(next.warning, HasSubstr("damaged"));
    }
  }
}

TEST_F(Identity, IsForTheOwnersEyesAndLeavesNoDraftBehind) {
  taken();

  struct stat found {};
  ASSERT_EQ(::stat(path.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& one : std::filesystem::directory_iterator{folder})
    ++files;
  EXPECT_EQ(files, 1u);
}

TEST_F(Identity, LeavesFilesAloneThatCannotBeOne) {
  for (const auto& other :
       {std::string{"garbage"}, std::string{"root:x:0:0:root:/root:/bin/sh\n"},
        std::string(1000, '0'), std::string(1000, '\0'), version_1(1) + std::string(1000, 'x')}) {
    SCOPED_TRACE(other);
    write(other);
    EXPECT_THAT(refused(), HasSubstr(path + " is no identity file"));
    EXPECT_EQ(text(), other) << "it is left as it was";
  }
}

TEST_F(Identity, LeavesFilesOfALaterVersionAlone) {
  const std::string later = "starling identity 3\nid " + node + "\n";
  write(later);
  EXPECT_THAT(refused(), HasSubstr("is of a later version"));
  EXPECT_EQ(text(), later);
}

TEST_F(Identity, SaysWhyAFileCannotBeReadOrWritten) {
  const std::string missing = folder / "nowhere" / "identity";
  const auto nowhere = adopt_identity(missing, 24h);
  EXPECT_THAT(std::get<std::string>(nowhere), HasSubstr("cannot write " + missing));

  const auto directory = adopt_identity(folder, 24h);
  EXPECT_THAT(std::get<std::string>(directory), HasSubstr("cannot read " + folder.string()));
}

TEST_F(Identity, IsLookedUpWithoutAChangeOfItsFile) {
  const auto first = taken();
  const auto before = text();
  const auto found = look_up_identity(path, tolerated);
  ASSERT_TRUE(std::holds_alternative<identity>(found));
  EXPECT_EQ(std::get<identity>(found).node, first.node);
  EXPECT_GT(std::get<identity>(found).generation, first.generation);
  EXPECT_EQ(text(), before);
}

TEST_F(Identity, IsNotDrawnWhereItIsOnlyLookedUp) {
  EXPECT_TRUE(std::holds_alternative<std::string>(look_up_identity(path, tolerated)));
  EXPECT_FALSE(std::filesystem::exists(path));
}

} // namespace
} // namespace starling::node
