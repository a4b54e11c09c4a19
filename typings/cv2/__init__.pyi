# The stubs inside the opencv-python wheel refuse calls that OpenCV documents (None for an unused map or
# output) and widen every returned array to all number types. Until they are right, cv2 is untyped here.
from typing import Any

def __getattr__(name: str) -> Any: ...
