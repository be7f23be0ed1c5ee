# The lines inside ```cpp fences.
/^```cpp/,/^```$/{
  /^```/d
  p
}
