import Flows
print("x")
