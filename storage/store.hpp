#pragma once

// Rows of bytes under names of bytes, in order, that outlive the process: what the layers above see
// of a disk.
//
// A batch of changes is committed whole or not at all, and batches take effect in the order in
// which they were committed. A read sees one moment: all of each batch committed before it and
// nothing of a later one. Once a commit has failed, the store takes no further one until it is
// opened again: what failed may turn out to be there then, or not, and whoever went on would build
// on sand. Reading goes on.

#include "wire/result.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace starling::storage {

enum class trouble : std::uint8_t {
  full,      // no room is left on the disk
  read_only, // the disk takes no writes
  corrupted, // a record is not what was written
  missing,   // files that belong to it are not there, or nobody knows which do
  unknown,   // it is of a format that this version does not know; nothing is wrong with it
  broken,    // anything else
  unread,    // nothing is wrong: it is on the disk only, and was asked for in memory
};

/// "full", "read-only", "corrupted", "missing", "unknown", "broken" or "unread".
std::string_view to_string(trouble t);

/// Why a store did not do what it was asked, with a sentence for people.
struct failure {
  trouble kind = trouble::broken;
  std::string what;
  /// Of a commit: what it was to change may turn out to be there when the store is opened again. If
  /// not, nothing of it ever will.
  bool may_be_done = false;
  friend bool operator==(const failure&, const failure&) = default;
};

/// Changes that are committed together. Of two to one name the later counts.
class batch {
public:
  /// What a name stands for from then on; nothing if for no row. Valid as long as the batch is, and
  /// nothing is added to it.
  struct change {
    std::string_view name;
    std::optional<std::string_view> value;
    bool appends = false; // the value stands behind what the name stood for before
    friend bool operator==(const change&, const change&) = default;
  };

  void put(std::string_view name, std::string_view value) { add(name, value, kind::put); }

  /// The row, which need not be there yet, goes on with these bytes; what the whole comes down to
  /// is said by `appended` (layout.hpp). Nobody has to read it for that.
  void append(std::string_view name, std::string_view value) { add(name, value, kind::append); }

  void erase(std::string_view name) { add(name, {}, kind::erase); }

  /// In the order in which they were made.
  std::vector<change> changes() const;

  /// Shows each of them to `see` in this order, until that says false.
  template <class Visitor>
  void for_each(Visitor see) const {
    std::string_view rest = bytes_;
    for (const auto& [name, value, what] : sizes_) {
      change one{rest.substr(0, name), std::nullopt, what == kind::append};
      if (what != kind::erase)
        one.value = rest.substr(name, value);
      rest.remove_prefix(name + value);
      if (!see(one))
        return;
    }
  }

  /// Makes room for so many changes with names and values of so many bytes.
  void reserve(std::size_t changes, std::size_t bytes) {
    sizes_.reserve(sizes_.size() + changes);
    bytes_.reserve(bytes_.size() + bytes);
  }

  bool empty() const { return sizes_.empty(); }
  std::size_t size() const { return sizes_.size(); }

  /// Of all names and values.
  std::size_t bytes() const { return bytes_.size(); }

private:
  enum class kind : std::uint8_t { put, append, erase };
  struct sizes {
    std::size_t name;
    std::size_t value;
    kind what;
  };

  void add(std::string_view name, std::string_view value, kind what) {
    bytes_.append(name).append(value);
    sizes_.push_back({name.size(), value.size(), what});
  }

  std::string bytes_; // names and values, one after the other
  std::vector<sizes> sizes_;
};

/// A store as it is at one moment, whatever is committed later. Requires: the store outlives it.
class snapshot {
public:
  virtual ~snapshot() = default;

  virtual wire::result<std::optional<std::string>, failure> find(std::string_view name) const = 0;

  /// Finds many: shows the value of each name that has a row, and which of the names it is. What
  /// was shown before a failure is right. Requires: they are in ascending order.
  using finder = std::function<void(std::size_t at, std::string_view value)>;
  virtual wire::possible<failure> find_all(const std::vector<std::string>& names,
                                           const finder& see) const;

  /// Shows the rows with first <= name < end in ascending order, until `see` says false. What was
  /// shown before a failure is right.
  using visitor = std::function<bool(std::string_view name, std::string_view value)>;
  virtual wire::possible<failure> scan(std::string_view first, std::string_view end,
                                       const visitor& see) const = 0;
};

class store {
public:
  virtual ~store() = default;

  /// Commits some batches, in this order, all or none of them. If `synced`, they and all before
  /// them survive a power failure once this returns; if not, they survive the end of the process
  /// only. By one thread at a time. A failure says whether they may be there all the same.
  virtual wire::possible<failure> commit(const std::vector<batch>& batches, bool synced) = 0;

  /// All that was committed survives a power failure once this returns. As for `commit`.
  virtual wire::possible<failure> sync() = 0;

  /// From any thread.
  virtual std::unique_ptr<const snapshot> now() const = 0;

  /// The same snapshot for those who must not wait for a disk: what would have to be read from one
  /// is a failure, `unread`.
  virtual std::unique_ptr<const snapshot> now_in_memory() const = 0;

  /// What the rows are kept in at present, one by one. From any thread.
  virtual std::vector<std::string> parts() const = 0;

  /// Reads such a part and says what is wrong with it; nothing if all is well, or if it is not in
  /// use any more. From any thread.
  virtual wire::possible<failure> verify(const std::string& part) const = 0;

  /// Makes a copy of all rows, in a new folder, that can be opened. The folder must not exist. From
  /// any thread.
  virtual wire::possible<failure> copy_to(const std::string& folder) = 0;
};

} // namespace starling::storage
