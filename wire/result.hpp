#pragma once

// What may fail says so by what it returns: what was asked for, or why there is none. In this order
// everywhere, and nobody may drop it.
//
//     auto read = read_file(path);
//     if (!read)
//       return std::move(read).error();
//     use(*read);
//
// What has nothing to give returns a possible failure.
//
//     if (auto why = sync())
//       return why;

#include <cassert>
#include <optional>
#include <utility>
#include <variant>

namespace starling::wire {

/// It is a variant, so what depends on the kind of an error can visit it. Requires: T and E differ.
template <class T, class E>
class [[nodiscard]] result : public std::variant<T, E> {
public:
  using value_type = T;
  using error_type = E;
  using std::variant<T, E>::variant;

  bool has_value() const noexcept { return this->index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  // Require: there is a value.
  T& operator*() & { return *checked(std::get_if<0>(this)); }
  const T& operator*() const& { return *checked(std::get_if<0>(this)); }
  T&& operator*() && { return std::move(*checked(std::get_if<0>(this))); }
  T* operator->() { return checked(std::get_if<0>(this)); }
  const T* operator->() const { return checked(std::get_if<0>(this)); }

  // Require: there is none.
  E& error() & { return *checked(std::get_if<1>(this)); }
  const E& error() const& { return *checked(std::get_if<1>(this)); }
  E&& error() && { return std::move(*checked(std::get_if<1>(this))); }

private:
  template <class X>
  static X* checked(X* there) {
    assert(there != nullptr);
    return there;
  }
};

/// What is returned by what has nothing to give: why it failed, or nothing if it did not.
template <class E>
class [[nodiscard]] possible : public std::optional<E> {
public:
  using std::optional<E>::optional;
  possible(std::optional<E> why) : std::optional<E>(std::move(why)) {}
  friend bool operator==(const possible&, const possible&) = default;
};

} // namespace starling::wire
