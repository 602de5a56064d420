"""The HTTP front: uvicorn's event loop holds the connections, threads only run Django.

Who is slow (headers, bodies, reading an answer) waits in the loop under a deadline and a least rate, and takes no
thread from anybody. ``__main__`` starts it, ``connection`` is one TCP connection, ``bridge`` one request.
"""
